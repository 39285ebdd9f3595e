//go:build platform

package vault

import (
	"bytes"
	"io"
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vault/policies"
)

// as is a session with the policy of one step.
func (r real) as(t *testing.T, root *Session, step string) *Session {
	t.Helper()
	if err := root.api.Sys().PutPolicyWithContext(t.Context(), step, policies.All()[step]); err != nil {
		t.Fatal(err)
	}
	made := must(root.api.Auth().Token().CreateWithContext(t.Context(), &api.TokenCreateRequest{Policies: []string{step}}))
	return must(r.node().with(secret.New(made.Auth.ClientToken), Health{}))
}

// Over a live cluster goes its own snapshot, with the policy of RestoreSnapshot and no more. Vault answers first; a while
// later what was written since the snapshot is gone, and the marker with it.
func TestRealRestoreOverALiveCluster(t *testing.T) {
	r := start(t)
	ctx := t.Context()
	root, keys := r.lead(t, Seal{Type: shamir, Shares: 3, Threshold: 2})
	r.mount(t, root, "smtp")
	r.mount(t, root, "dr")
	put(t, root, "smtp", "tenant/admin", map[string]any{"password": "good"})
	step, look, count := r.as(t, root, "restore-snapshot"), r.as(t, root, "check-vault"), r.as(t, root, "check-approval")
	cluster := r.is(t, Active).ClusterID
	stream := must(root.Snapshot(ctx))
	var snapshot bytes.Buffer
	must(io.Copy(&snapshot, stream))
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}

	put(t, root, "smtp", "tenant/admin", map[string]any{"password": "bad"})
	if found := must(count.CurrentVersion(ctx, "smtp/", "tenant/admin")); found == nil || found.Version != 2 {
		t.Errorf("the current version: %+v", found)
	}
	if paths := must(count.ListSecrets(ctx, "smtp/")); len(paths) != 1 {
		t.Errorf("listed %v", paths)
	}
	for who, s := range map[string]*Session{"check-approval": count, "restore-snapshot": step, "check-vault": look} {
		if _, err := s.ReadSecret(ctx, "smtp/", "tenant/admin", 0); !fault.Is(err, fault.VaultRefused) {
			t.Errorf("%s reads a secret: %v", who, err)
		}
	}
	if err := step.PutSecret(ctx, "dr/", "restore-marker", map[string]any{"execution": "this one"}); err != nil {
		t.Fatal(err)
	}
	marked := func() bool {
		found, err := look.ReadSecret(ctx, "dr/", "restore-marker", 0)
		return err != nil || found != nil
	}
	if found := must(look.ReadSecret(ctx, "dr/", "restore-marker", 0)); found == nil || found.Data["execution"] != "this one" {
		t.Errorf("the marker is %+v", found)
	}
	if err := step.Restore(ctx, &snapshot); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the marker is gone", func() bool { return !marked() })
	if h := r.is(t, Active); h.ClusterID != cluster {
		t.Errorf("the cluster is %s, was %s", h.ClusterID, cluster)
	}
	if found := must(must(r.node().AsRoot(keys)).ReadSecret(ctx, "smtp/", "tenant/admin", 0)); found.Data["password"] != "good" || found.Version != 1 {
		t.Errorf("found %+v", found)
	}
}
