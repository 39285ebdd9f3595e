package vault

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

func TestSeal(t *testing.T) {
	n := vaulttest.Start(t)
	n.Be("sealed")
	n.On("GET sys/seal-status", vaulttest.JSON(200, `{"type":"awskms","initialized":true,"sealed":true,"t":3,"n":5}`))
	got, err := open(t, n).Nodes()[0].Seal(t.Context())
	if want := (Seal{Type: "awskms", Shares: 5, Threshold: 3}); err != nil || got != want || got.Shamir() {
		t.Errorf("Seal = %+v, %v, want %+v", got, err, want)
	}
	if !(Seal{Type: "shamir"}).Shamir() {
		t.Error("shamir is not shamir")
	}
}

func TestInitializeAsksForTheSeal(t *testing.T) {
	n := vaulttest.Start(t)
	n.On("PUT sys/init", vaulttest.JSON(200, `{"keys":["aa","bb"],"keys_base64":["qg==","uw=="],"root_token":"hvs.root"}`))
	node := open(t, n).Nodes()[0]
	for _, tt := range []struct {
		seal Seal
		want [4]int // secret shares and threshold, recovery shares and threshold
	}{
		{Seal{"shamir", 5, 3}, [4]int{5, 3, 0, 0}},
		{Seal{"awskms", 5, 3}, [4]int{0, 0, 5, 3}},
		{Seal{"awskms", 0, 0}, [4]int{}},
	} {
		keys, err := node.Initialize(t.Context(), tt.seal)
		if err != nil {
			t.Fatal(err)
		}
		if len(keys.Shares) != 2 || keys.Shares[1].Reveal() != "bb" || keys.RootToken.Reveal() != "hvs.root" {
			t.Errorf("%d shares", len(keys.Shares))
		}
		sent := n.Mutations()[len(n.Mutations())-1]
		var body struct {
			SecretShares      int `json:"secret_shares"`
			SecretThreshold   int `json:"secret_threshold"`
			RecoveryShares    int `json:"recovery_shares"`
			RecoveryThreshold int `json:"recovery_threshold"`
		}
		if err := json.Unmarshal([]byte(sent.Body), &body); err != nil {
			t.Fatal(err)
		}
		if got := [4]int{body.SecretShares, body.SecretThreshold, body.RecoveryShares, body.RecoveryThreshold}; got != tt.want {
			t.Errorf("%+v: sent %v, want %v", tt.seal, got, tt.want)
		}
	}
	s, err := node.AsRoot(Keys{RootToken: secret.New("hvs.root")})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = s.Mounts(t.Context())
	if last := n.Requests()[len(n.Requests())-1]; last.Header.Get("X-Vault-Token") != "hvs.root" {
		t.Error("a session as root does not carry the root token")
	}
}

// given is what a node was given to unseal it, "reset" included.
func given(t *testing.T, n *vaulttest.Node) []string {
	t.Helper()
	var out []string
	for _, r := range n.Mutations() {
		var body struct {
			Key   string `json:"key"`
			Reset bool   `json:"reset"`
		}
		if err := json.Unmarshal([]byte(r.Body), &body); err != nil || r.String() != "PUT sys/unseal" {
			t.Fatalf("%s: %v", r, err)
		}
		if body.Reset {
			body.Key = "reset"
		}
		out = append(out, body.Key)
	}
	return out
}

func TestUnseal(t *testing.T) {
	one, two, three := secret.New("one-never-to-be-seen"), secret.New("two-never-to-be-seen"), secret.New("three-never-to-be-seen")
	shares := []secret.String{one, two, three}
	const still, opened = `{"sealed":true,"t":2,"n":3,"progress":1}`, `{"sealed":false,"t":2,"n":3}`
	for name, tt := range map[string]struct {
		shares  []secret.String
		answers []http.HandlerFunc
		want    fault.Name // "" is success
		given   []secret.String
		reset   bool
	}{
		"opens with the second": {shares, []http.HandlerFunc{vaulttest.JSON(200, still), vaulttest.JSON(200, opened)}, "", shares[:2], false},
		"opens with one":        {shares, []http.HandlerFunc{vaulttest.JSON(200, opened)}, "", shares[:1], false},
		"too few":               {shares[:1], []http.HandlerFunc{vaulttest.JSON(200, still)}, fault.UnsealSharesWrong, shares[:1], true},
		"none":                  {nil, nil, fault.UnsealSharesWrong, nil, true},
		"wrong":                 {shares, []http.HandlerFunc{vaulttest.JSON(200, still), vaulttest.JSON(400, `{"errors":["invalid key: cipher: message authentication failed"]}`)}, fault.UnsealSharesWrong, shares[:2], true},
		"a server error":        {shares, []http.HandlerFunc{vaulttest.JSON(500, `{"errors":["disk"]}`)}, fault.VaultUnreachable, shares[:1], true},
		"a cut":                 {shares, []http.HandlerFunc{vaulttest.JSON(200, still), vaulttest.Cut}, fault.VaultUnreachable, shares[:2], true},
	} {
		n := vaulttest.Start(t)
		node := open(t, n).Nodes()[0]
		left := tt.answers
		n.On("PUT sys/unseal", func(w http.ResponseWriter, r *http.Request) {
			answer := vaulttest.JSON(200, `{"sealed":true,"progress":0}`)
			if len(left) > 0 {
				answer, left = left[0], left[1:]
			}
			answer(w, r)
		})
		err := node.Unseal(t.Context(), tt.shares)
		if tt.want == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		} else if tt.want != "" {
			wantFault(t, name, err, tt.want)
		}
		var want []string
		for _, s := range tt.given {
			want = append(want, s.Reveal())
		}
		if tt.reset {
			want = append(want, "reset")
		}
		if got := given(t, n); !slices.Equal(got, want) {
			t.Errorf("%s: the node got %d of the shares and resets, want %d", name, len(got), len(want))
		}
	}
}
