package restore

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/approval"
	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/vault"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

const (
	loginRequest  = "PUT auth/aws/login"
	markRequest   = "PUT dr/data/restore-marker"
	markerRequest = "GET dr/data/restore-marker"
	feedRequest   = "POST sys/storage/raft/snapshot"
)

// identity is that of a function; the test's Vault takes any.
func identity(role string) vault.Identity {
	return vault.Identity{Role: role, AWS: aws.Config{
		Region: "eu-central-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "key-never-to-be-seen"}, nil
		}),
	}}
}

// liveNode is a Vault that leads, lets functions in, and takes whatever it is fed.
func liveNode(t *testing.T) *vaulttest.Node {
	t.Helper()
	n := vaulttest.Start(t)
	n.On(loginRequest, vaulttest.JSON(200, `{"auth":{"client_token":"token-never-to-be-seen","lease_duration":1200}}`))
	n.On("PUT auth/token/revoke-self", vaulttest.JSON(204, ""))
	n.On("GET sys/seal-status", vaulttest.JSON(200, `{"type":"shamir","initialized":true,"sealed":false,"t":3,"n":5}`))
	n.On(markRequest, vaulttest.JSON(200, `{"data":{"version":1,"created_time":"2026-11-24T09:00:00Z"}}`))
	for _, request := range []string{feedRequest, restoreRequest} {
		n.On(request, vaulttest.JSON(204, ""))
	}
	return n
}

// consent is a table of one approval.
type consent struct {
	given approval.Approval
	used  []string
	taken bool // somebody else uses it in this very moment
	fail  error
}

func (c *consent) Find(_ context.Context, cluster, manifest string) (approval.Approval, error) {
	if cluster != c.given.ClusterID || manifest != c.given.ManifestSHA256 {
		return approval.Approval{}, c.fail
	}
	return c.given, c.fail
}

func (c *consent) Use(_ context.Context, a approval.Approval, execution string) (bool, error) {
	if c.taken || a != c.given {
		return false, nil
	}
	c.used = append(c.used, execution)
	return true, nil
}

// overwriting is a step for this node, with an approval of what the input asks for.
func overwriting(t *testing.T, n *vaulttest.Node) (Overwriter, *bucket, *consent, OverInput) {
	t.Helper()
	b := &bucket{content: map[string][]byte{"v1": snapshot(t, true)}}
	c := &consent{given: approval.New(approval.Approval{
		ClusterID: vaulttest.ClusterID, ManifestSHA256: "digest", RequestedBy: "mira", ApprovedBy: "ines",
	}, started)}
	return Overwriter{
			Cluster: open(t, n), Identity: identity("restore-snapshot"), Archive: b, Approvals: c,
			Now: func() time.Time { return started.Add(time.Minute) },
		}, b, c, OverInput{
			ClusterID: vaulttest.ClusterID, Execution: execution,
			Backup: Backup{
				ManifestSHA256: "digest", RequestedBy: "mira",
				Snapshot: archive.Object{Key: "backups/2026-11-24/vault-snapshot.enc", VersionID: "v1"},
				Vault:    sealed.Vault{ClusterID: vaulttest.ClusterID, SealType: "shamir", Shares: 5, Threshold: 3},
			},
		}
}

func TestRestoreOver(t *testing.T) {
	for name, tt := range map[string]struct {
		cluster, request string
	}{
		"the same cluster": {vaulttest.ClusterID, feedRequest},
		"another cluster":  {"another", restoreRequest},
	} {
		n := liveNode(t)
		o, b, c, in := overwriting(t, n)
		in.Backup.Vault.ClusterID = tt.cluster
		used := false
		for _, request := range []string{feedRequest, restoreRequest} {
			n.On(request, func(w http.ResponseWriter, _ *http.Request) {
				used = slices.Equal(c.used, []string{execution.ARN})
				w.WriteHeader(http.StatusNoContent)
			})
		}
		got, err := o.Restore(t.Context(), in)
		if want := (Fed{Node: n.URL, Forced: tt.request == restoreRequest, FedAt: started.Add(time.Minute)}); err != nil || got != want {
			t.Fatalf("%s: Restore = %+v, %v, want %+v", name, got, err, want)
		}
		if want := []string{loginRequest, markRequest, tt.request}; !slices.Equal(sent(n), want) {
			t.Errorf("%s: sent %v, want %v", name, sent(n), want)
		}
		if !used {
			t.Errorf("%s: Vault was fed before the approval was used", name)
		}
		var marker struct {
			Data map[string]string `json:"data"`
		}
		if err := json.Unmarshal([]byte(n.Mutations()[1].Body), &marker); err != nil || marker.Data["execution"] != execution.ARN {
			t.Errorf("%s: the marker is %+v, %v", name, marker, err)
		}
		if n.Mutations()[2].Body != string(b.content["v1"]) {
			t.Errorf("%s: Vault got another snapshot", name)
		}
		if len(b.reads) != 2 {
			t.Errorf("%s: %d passes over the backup", name, len(b.reads))
		}
	}
}

// What stands in the way stops the step before Vault is fed anything, and the approval stays for another start.
func TestRestoreOverStopsBeforeItFeeds(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(n *vaulttest.Node, o *Overwriter, b *bucket, c *consent, in *OverInput)
		want  fault.Name
	}{
		"a corrupt backup": {func(_ *vaulttest.Node, _ *Overwriter, b *bucket, _ *consent, _ *OverInput) {
			b.content["v1"] = snapshot(t, false)
		}, fault.BackupCorrupt},
		"a sealed Vault": {func(n *vaulttest.Node, _ *Overwriter, _ *bucket, _ *consent, _ *OverInput) { n.Be("sealed") }, fault.VaultSealed},
		"a login refused": {func(n *vaulttest.Node, _ *Overwriter, _ *bucket, _ *consent, _ *OverInput) {
			n.On(loginRequest, vaulttest.JSON(400, `{"errors":["entry not found"]}`))
		}, fault.VaultRefused},
		"another cluster": {func(_ *vaulttest.Node, _ *Overwriter, _ *bucket, c *consent, in *OverInput) {
			in.ClusterID, c.given.ClusterID = "former", "former"
		}, fault.ApprovalRequired},
		"another seal": {func(n *vaulttest.Node, _ *Overwriter, _ *bucket, _ *consent, _ *OverInput) {
			n.On("GET sys/seal-status", vaulttest.JSON(200, `{"type":"shamir","initialized":true,"sealed":false,"t":1,"n":1}`))
		}, fault.SealMismatch},
		"no place for the marker": {func(n *vaulttest.Node, _ *Overwriter, _ *bucket, _ *consent, _ *OverInput) {
			n.On(markRequest, vaulttest.JSON(404, `{"errors":["no handler"]}`))
		}, fault.VaultRefused},
		"no approval": {func(_ *vaulttest.Node, _ *Overwriter, _ *bucket, c *consent, _ *OverInput) {
			c.given = approval.Approval{}
		}, fault.ApprovalRequired},
		"a used approval": {func(_ *vaulttest.Node, _ *Overwriter, _ *bucket, c *consent, _ *OverInput) {
			c.given.UsedBy = "another"
		}, fault.ApprovalRequired},
		"an approval that ended": {func(_ *vaulttest.Node, o *Overwriter, _ *bucket, _ *consent, _ *OverInput) {
			o.Now = func() time.Time { return started.Add(time.Hour) }
		}, fault.ApprovalRequired},
		"an approval for somebody else": {func(_ *vaulttest.Node, _ *Overwriter, _ *bucket, _ *consent, in *OverInput) {
			in.Backup.RequestedBy = "otto"
		}, fault.ApprovalRequired},
		"an approval of another backup": {func(_ *vaulttest.Node, _ *Overwriter, _ *bucket, _ *consent, in *OverInput) {
			in.Backup.ManifestSHA256 = "another"
		}, fault.ApprovalRequired},
		"an approval used in this moment": {func(_ *vaulttest.Node, _ *Overwriter, _ *bucket, c *consent, _ *OverInput) { c.taken = true }, fault.ApprovalRequired},
		"a table out of reach": {func(_ *vaulttest.Node, _ *Overwriter, _ *bucket, c *consent, _ *OverInput) {
			c.fail = fault.AWSUnavailable.Errorf("silent")
		}, fault.AWSUnavailable},
	} {
		n := liveNode(t)
		o, b, c, in := overwriting(t, n)
		tt.spoil(n, &o, b, c, &in)
		_, err := o.Restore(t.Context(), in)
		wantFault(t, name, err, tt.want)
		if slices.ContainsFunc(sent(n), func(r string) bool { return strings.Contains(r, "snapshot") }) {
			t.Errorf("%s: sent %v", name, sent(n))
		}
		if len(c.used) != 0 {
			t.Errorf("%s: the approval is used up", name)
		}
	}
}

// From the first byte on nobody knows what Vault holds.
func TestRestoreOverThatBreaksOff(t *testing.T) {
	for name, spoil := range map[string]func(n *vaulttest.Node, b *bucket){
		"Vault says no": func(n *vaulttest.Node, _ *bucket) {
			n.On(feedRequest, vaulttest.JSON(400, `{"errors":["could not verify hash file"]}`))
		},
		"Vault hangs up":    func(n *vaulttest.Node, _ *bucket) { n.On(feedRequest, vaulttest.Cut) },
		"another node does": func(n *vaulttest.Node, _ *bucket) { n.On(feedRequest, vaulttest.Redirect("https://elsewhere.example")) },
		"the backup breaks off": func(_ *vaulttest.Node, b *bucket) {
			b.after = func(pass int) error {
				if pass == 2 {
					return fault.BackupCorrupt.Tellf("changed since")
				}
				return nil
			}
		},
	} {
		n := liveNode(t)
		o, b, _, in := overwriting(t, n)
		spoil(n, b)
		_, err := o.Restore(t.Context(), in)
		wantFault(t, name, err, fault.RestoreInterrupted)
	}
}

// The leader answers for itself or not at all: whoever follows a redirect hands the token, and the whole Vault, to another
// address.
func TestRestoreOverFollowsNoRedirect(t *testing.T) {
	n, elsewhere := liveNode(t), liveNode(t)
	n.On(feedRequest, vaulttest.Redirect(elsewhere.URL))
	o, _, _, in := overwriting(t, n)
	_, err := o.Restore(t.Context(), in)
	wantFault(t, "redirected", err, fault.RestoreInterrupted)
	if got := elsewhere.Requests(); len(got) != 0 {
		t.Errorf("the other node was asked %v", got)
	}
}

// Vault looks well while it still is what it was: only that the marker is gone proves that the snapshot was applied.
func TestCheckWaitsForTheMarkerToGo(t *testing.T) {
	marker := func(execution string) http.HandlerFunc {
		return vaulttest.JSON(200, fmt.Sprintf(`{"data":{"data":{"execution":%q},"metadata":{"version":1,"created_time":"2026-11-24T09:00:00Z"}}}`, execution))
	}
	for name, tt := range map[string]struct {
		login, read http.HandlerFunc
		cluster     string
		want        State
	}{
		"it stands":                 {nil, marker(execution.ARN), vaulttest.ClusterID, Active},
		"it is gone":                {nil, vaulttest.JSON(404, `{"errors":[]}`), vaulttest.ClusterID, Restored},
		"one of an earlier restore": {nil, marker("arn:another"), vaulttest.ClusterID, Restored},
		"nobody may look":           {nil, vaulttest.JSON(403, `{"errors":["permission denied"]}`), vaulttest.ClusterID, Active},
		"nobody is let in":          {vaulttest.JSON(400, `{"errors":["entry not found"]}`), nil, vaulttest.ClusterID, Active},
		"still another cluster":     {nil, vaulttest.JSON(404, `{"errors":[]}`), "the backup's", Active},
	} {
		n := liveNode(t)
		if tt.login != nil {
			n.On(loginRequest, tt.login)
		}
		if tt.read != nil {
			n.On(markerRequest, tt.read)
		}
		c := Checker{Cluster: open(t, n), Identity: identity("check-vault")}
		got, err := c.Check(t.Context(), CheckInput{ClusterID: tt.cluster, Marker: execution.ARN, Execution: execution})
		if err != nil || got.State != tt.want {
			t.Errorf("%s: %+v, %v, want %s", name, got, err, tt.want)
		}
		for _, r := range sent(n) {
			if r != loginRequest && r != "PUT auth/token/revoke-self" {
				t.Errorf("%s: a check sent %s", name, r)
			}
		}
	}
}
