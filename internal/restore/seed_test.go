package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

const (
	initRequest    = "PUT sys/init"
	unsealRequest  = "PUT sys/unseal"
	restoreRequest = "POST sys/storage/raft/snapshot-force"
)

// emptyNode behaves as a fresh Vault: initialised it is sealed, with enough shares it opens, a moment later it leads.
func emptyNode(t *testing.T, sealType string, shares, threshold int) *vaulttest.Node {
	t.Helper()
	n := vaulttest.StartAll(t, "uninitialized")[0]
	n.On("GET sys/seal-status", vaulttest.JSON(200, fmt.Sprintf(`{"type":%q,"initialized":false,"sealed":true,"t":0,"n":0}`, sealType)))
	opens := func() {
		n.Be("standby")
		asked := 0
		n.On("GET sys/health", func(w http.ResponseWriter, _ *http.Request) {
			if asked++; asked == 2 {
				n.Be("active")
			}
			vaulttest.JSON(299, `{"initialized":true,"sealed":false,"standby":true,"version":"1.21.0"}`)(w, nil)
		})
	}
	n.On(initRequest, func(w http.ResponseWriter, _ *http.Request) {
		keys := []string{}
		if n.Be("sealed"); sealType != "shamir" {
			opens()
			shares = 0
		}
		for i := range shares {
			keys = append(keys, fmt.Sprintf("share-%d-never-to-be-seen", i))
		}
		text, _ := json.Marshal(map[string]any{"keys": keys, "root_token": "root-never-to-be-seen"})
		vaulttest.JSON(200, string(text))(w, nil)
	})
	given := 0
	n.On(unsealRequest, func(w http.ResponseWriter, _ *http.Request) {
		if given++; given == threshold {
			opens()
		}
		vaulttest.JSON(200, fmt.Sprintf(`{"sealed":%v}`, given < threshold))(w, nil)
	})
	n.On(restoreRequest, func(w http.ResponseWriter, _ *http.Request) {
		n.Be("sealed")
		w.WriteHeader(http.StatusNoContent)
	})
	return n
}

// seeding is a seeder for these nodes, and the input for the first of them.
func seeding(t *testing.T, there ...*vaulttest.Node) (Seeder, *bucket, SeedInput) {
	t.Helper()
	b := &bucket{content: map[string][]byte{"v1": snapshot(t, true)}}
	return Seeder{Cluster: open(t, there...), Archive: b, Now: func() time.Time { return started.In(time.FixedZone("", 3600)) }},
		b, SeedInput{
			Node: there[0].URL, Execution: execution,
			Backup: Backup{
				Snapshot: archive.Object{Key: "backups/2026-11-24/vault-snapshot.enc", VersionID: "v1"},
				Vault:    sealed.Vault{SealType: "shamir", Shares: 5, Threshold: 3},
			},
		}
}

func sent(n *vaulttest.Node) []string {
	var out []string
	for _, r := range n.Mutations() {
		out = append(out, r.String())
	}
	return out
}

func untouched(t *testing.T, what string, there ...*vaulttest.Node) {
	t.Helper()
	for _, n := range there {
		if got := n.Mutations(); len(got) != 0 {
			t.Errorf("%s: a node was sent %v", what, got)
		}
	}
}

func TestSeed(t *testing.T) {
	n := emptyNode(t, "shamir", 5, 3)
	s, b, in := seeding(t, append([]*vaulttest.Node{n}, vaulttest.StartAll(t, "down", "down")...)...)
	got, err := s.Seed(t.Context(), in)
	if want := (Seeded{Node: n.URL, SeededAt: started}); err != nil || got != want || got.SeededAt.Location() != time.UTC {
		t.Fatalf("Seed = %+v, %v, want %+v", got, err, want)
	}
	if want := []string{initRequest, unsealRequest, unsealRequest, unsealRequest, restoreRequest}; !slices.Equal(sent(n), want) {
		t.Fatalf("sent %v, want %v", sent(n), want)
	}
	requests := n.Mutations()
	var asked struct {
		Shares    int `json:"secret_shares"`
		Threshold int `json:"secret_threshold"`
		Recovery  int `json:"recovery_shares"`
	}
	if err := json.Unmarshal([]byte(requests[0].Body), &asked); err != nil || asked.Shares != 5 || asked.Threshold != 3 || asked.Recovery != 0 {
		t.Errorf("initialised with %+v, %v", asked, err)
	}
	for i, r := range requests[1:4] {
		if want := fmt.Sprintf(`{"key":"share-%d-never-to-be-seen"}`, i); strings.TrimSpace(r.Body) != want {
			t.Errorf("share %d is another", i)
		}
	}
	if requests[4].Body != string(b.content["v1"]) || requests[4].Header.Get("X-Vault-Token") != "root-never-to-be-seen" {
		t.Error("the node did not get the snapshot, or not from root")
	}
	if !slices.Equal(b.reads, []archive.Object{in.Backup.Snapshot, in.Backup.Snapshot}) {
		t.Errorf("read %v", b.reads)
	}
	all := n.Requests()
	last := all[len(all)-2]
	if last.String() != "GET sys/health" {
		t.Errorf("before the restore came %s: the node must be seen to lead", last)
	}
}

func TestSeedWithAutoUnseal(t *testing.T) {
	n := emptyNode(t, "awskms", 5, 3)
	s, _, in := seeding(t, n)
	in.Backup.Vault.SealType = "awskms"
	if _, err := s.Seed(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if want := []string{initRequest, restoreRequest}; !slices.Equal(sent(n), want) {
		t.Errorf("sent %v, want %v", sent(n), want)
	}
	var asked struct {
		Shares    int `json:"secret_shares"`
		Recovery  int `json:"recovery_shares"`
		Threshold int `json:"recovery_threshold"`
	}
	if err := json.Unmarshal([]byte(n.Mutations()[0].Body), &asked); err != nil || asked.Shares != 0 || asked.Recovery != 5 || asked.Threshold != 3 {
		t.Errorf("initialised with %+v, %v", asked, err)
	}
}

// Before the whole backup is proved, the node gets no request at all.
func TestSeedProvesTheBackupFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*bucket)
		want  fault.Name
	}{
		"a capture that Vault gave up": {func(b *bucket) { b.content["v1"] = snapshot(t, false) }, fault.BackupCorrupt},
		"a cut snapshot":               {func(b *bucket) { b.content["v1"] = b.content["v1"][:100] }, fault.BackupCorrupt},
		"no snapshot":                  {func(b *bucket) { b.content["v1"] = []byte("hello") }, fault.BackupCorrupt},
		"an empty one":                 {func(b *bucket) { b.content["v1"] = nil }, fault.BackupCorrupt},
		"not in the bucket":            {func(b *bucket) { delete(b.content, "v1") }, fault.BackupCorrupt},
		"a changed byte": {func(b *bucket) {
			b.wrap = func(_ int, r io.Reader) io.Reader { return broken(r, 100, fault.BackupCorrupt.Tellf("changed")) }
		}, fault.BackupCorrupt},
		"AWS is away": {func(b *bucket) {
			b.wrap = func(_ int, r io.Reader) io.Reader { return broken(r, 100, fault.AWSUnavailable.Errorf("cut")) }
		}, fault.AWSUnavailable},
		"other digests": {func(b *bucket) {
			b.after = func(int) error { return fault.BackupCorrupt.Tellf("not what its manifest says") }
		}, fault.BackupCorrupt},
	} {
		n := emptyNode(t, "shamir", 5, 3)
		s, b, in := seeding(t, n)
		tt.spoil(b)
		got, err := s.Seed(t.Context(), in)
		wantFault(t, name, err, tt.want)
		if got != (Seeded{}) || len(n.Requests()) != 0 {
			t.Errorf("%s: the node got %v", name, n.Requests())
		}
	}
}

func TestSeedWantsTheOneEmptyNode(t *testing.T) {
	for _, states := range []string{
		"active", "sealed", "standby", // the node itself is empty no more
		"uninitialized uninitialized", "uninitialized active", "uninitialized sealed", "uninitialized standby", "uninitialized down active",
	} {
		there := vaulttest.StartAll(t, strings.Fields(states)...)
		s, _, in := seeding(t, there...)
		_, err := s.Seed(t.Context(), in)
		wantFault(t, states, err, fault.NotASingleEmptyNode)
		untouched(t, states, there...)
	}

	there := vaulttest.StartAll(t, "down", "down")
	s, _, in := seeding(t, there...)
	_, err := s.Seed(t.Context(), in)
	wantFault(t, "the node is away", err, fault.VaultUnreachable)
	in.Node = "https://elsewhere.invalid:8200"
	_, err = s.Seed(t.Context(), in)
	wantFault(t, "a node of somebody else", err, fault.InvalidInput)
}

func TestSeedWantsTheSealOfTheSnapshot(t *testing.T) {
	n := emptyNode(t, "awskms", 5, 3)
	s, _, in := seeding(t, n)
	_, err := s.Seed(t.Context(), in)
	wantFault(t, "auto-unseal for shamir", err, fault.SealMismatch)
	if want := "the node's seal is awskms, the snapshot's is shamir"; err != nil && public(err) != want {
		t.Errorf("told %q, want %q", public(err), want)
	}
	n.On("GET sys/seal-status", vaulttest.JSON(400, `{"errors":["no"]}`))
	_, err = s.Seed(t.Context(), in)
	wantFault(t, "the seal is not told", err, fault.VaultRefused)
	untouched(t, "another seal", n)
}

// From the initialisation on, whatever happens is SeedFailed: the node must be wiped.
func TestSeedFailsHalfMade(t *testing.T) {
	refuse := vaulttest.JSON(400, `{"errors":["no"]}`)
	for name, tt := range map[string]struct {
		spoil func(*vaulttest.Node, *bucket)
		sent  int // mutating requests, at least
	}{
		"init is refused":        {func(n *vaulttest.Node, _ *bucket) { n.On(initRequest, refuse) }, 1},
		"init is cut":            {func(n *vaulttest.Node, _ *bucket) { n.On(initRequest, vaulttest.Cut) }, 1},
		"init answers garbage":   {func(n *vaulttest.Node, _ *bucket) { n.On(initRequest, vaulttest.JSON(200, `<html>`)) }, 1},
		"init answers no shares": {func(n *vaulttest.Node, _ *bucket) { n.On(initRequest, vaulttest.JSON(200, `{"keys":[]}`)) }, 1},
		"a share is refused":     {func(n *vaulttest.Node, _ *bucket) { n.On(unsealRequest, refuse) }, 2},
		"the node stays sealed":  {func(n *vaulttest.Node, _ *bucket) { n.On(unsealRequest, vaulttest.JSON(200, `{"sealed":true}`)) }, 6},
		"the restore is refused": {func(n *vaulttest.Node, _ *bucket) { n.On(restoreRequest, refuse) }, 5},
		"the restore is cut":     {func(n *vaulttest.Node, _ *bucket) { n.On(restoreRequest, vaulttest.Cut) }, 5},
		"the restore fails":      {func(n *vaulttest.Node, _ *bucket) { n.On(restoreRequest, vaulttest.JSON(500, `{}`)) }, 5},
		"the restore is redirected": {func(n *vaulttest.Node, _ *bucket) {
			n.On(restoreRequest, vaulttest.Redirect("https://elsewhere.invalid"))
		}, 5},
		"the second pass is cut": {func(_ *vaulttest.Node, b *bucket) {
			b.wrap = func(pass int, r io.Reader) io.Reader {
				if pass == 2 {
					return broken(r, 100, fault.AWSUnavailable.Errorf("cut"))
				}
				return r
			}
		}, 4},
		"the second pass is other": {func(_ *vaulttest.Node, b *bucket) {
			b.after = func(pass int) error {
				if pass == 2 {
					return fault.BackupCorrupt.Tellf("not what its manifest says")
				}
				return nil
			}
		}, 5},
		"the second pass is refused": {func(n *vaulttest.Node, b *bucket) {
			b.after = func(int) error { delete(b.content, "v1"); return nil }
		}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // the client tries some of it again
			n := emptyNode(t, "shamir", 5, 3)
			s, b, in := seeding(t, n)
			tt.spoil(n, b)
			got, err := s.Seed(t.Context(), in)
			wantFault(t, name, err, fault.SeedFailed)
			if got != (Seeded{}) || len(n.Mutations()) < tt.sent {
				t.Errorf("sent %v, answered %+v", sent(n), got)
			}
			if err != nil && public(err) != "" {
				t.Errorf("what other systems said is told: %q", public(err))
			}
		})
	}
}

func TestSeedWaitsForALeaderNoLongerThanItsTime(t *testing.T) {
	n := emptyNode(t, "shamir", 1, 1)
	n.On(unsealRequest, func(w http.ResponseWriter, r *http.Request) {
		n.Be("standby")
		vaulttest.JSON(200, `{"sealed":false}`)(w, r)
	})
	s, _, in := seeding(t, n)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := s.Seed(ctx, in)
	wantFault(t, "no leader", err, fault.SeedFailed)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "does not lead") || slices.Contains(sent(n), restoreRequest) {
		t.Errorf("sent %v, failed with %v", sent(n), err)
	}
}
