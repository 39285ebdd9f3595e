//go:build platform

package vault

import (
	"bytes"
	"crypto/rand"
	"io"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/raftsnapshot"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// A life: empty, sealed, opened, snapshotted, lost, restored. Wrong and too few shares do not open it.
func TestRealSealAndRestore(t *testing.T) {
	r := start(t)
	ctx := t.Context()
	if h := r.is(t, Uninitialized); h.ClusterID != "" || h.Version == "" || time.Since(h.Time).Abs() > time.Minute {
		t.Errorf("empty node: %+v", h)
	}
	if _, _, err := r.cluster.Leader(ctx); !fault.Is(err, fault.VaultUninitialized) {
		t.Errorf("Leader = %v", err)
	}
	if seal := must(r.node().Seal(ctx)); !seal.Shamir() {
		t.Errorf("an empty node's seal: %+v", seal)
	}
	seal := Seal{Type: shamir, Shares: 3, Threshold: 2}
	keys := must(r.node().Initialize(ctx, seal))
	if len(keys.Shares) != 3 || keys.RootToken.Empty() {
		t.Fatalf("%d shares", len(keys.Shares))
	}
	if _, err := r.node().Initialize(ctx, seal); !fault.Is(err, fault.VaultRefused) {
		t.Errorf("initialised twice: %v", err)
	}
	r.is(t, Sealed)
	if _, _, err := r.cluster.Leader(ctx); !fault.Is(err, fault.VaultSealed) {
		t.Errorf("Leader = %v", err)
	}
	if got := must(r.node().Seal(ctx)); got != seal {
		t.Errorf("Seal = %+v, want %+v", got, seal)
	}

	foreign := start(t)
	_, others := foreign.lead(t, seal)
	for name, shares := range map[string][]secret.String{
		"too few":         keys.Shares[:1],
		"of another":      others.Shares,
		"of a wrong form": {secret.New("zz"), secret.New("zz")},
		"empty":           {secret.New("")},
		"none":            nil,
		"one right":       {keys.Shares[0], others.Shares[1]},
	} {
		if err := r.node().Unseal(ctx, shares); !fault.Is(err, fault.UnsealSharesWrong) {
			t.Errorf("shares %s: Unseal = %v", name, err)
		}
		if status := must(r.node().api.Sys().SealStatusWithContext(ctx)); status.Progress != 0 || !status.Sealed {
			t.Errorf("shares %s: the node remembers %d of them", name, status.Progress)
		}
	}
	if err := r.node().Unseal(ctx, keys.Shares[1:]); err != nil {
		t.Fatal(err)
	}
	before := r.is(t, Active)
	if err := r.node().Unseal(ctx, keys.Shares[:1]); err != nil {
		t.Errorf("an open node: Unseal = %v", err)
	}
	s := must(r.node().AsRoot(keys))
	r.mount(t, s, "smtp")
	put(t, s, "smtp", "tenant/admin", map[string]any{"username": "admin"})
	index := must(s.RaftIndex(ctx))
	stream := must(s.Snapshot(ctx))
	var snapshot bytes.Buffer
	summary := must(raftsnapshot.Check(io.TeeReader(stream, &snapshot)))
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	if index == 0 || summary.Index < index {
		t.Errorf("the snapshot holds index %d, the leader had applied %d before it", summary.Index, index)
	}
	if err := s.RestoreForced(ctx, bytes.NewReader(snapshot.Bytes()[:snapshot.Len()/2])); err == nil {
		t.Error("half a snapshot was taken")
	}
	// The real leader says 400 while much more than it has read is still to come.
	if err := s.RestoreForced(ctx, io.LimitReader(rand.Reader, 64<<20)); !fault.Is(err, fault.VaultRefused) && !fault.Is(err, fault.VaultUnreachable) {
		t.Errorf("noise instead of a snapshot: %v", err)
	}
	if after := r.is(t, Active); after.ClusterID != before.ClusterID {
		t.Errorf("what was refused made the cluster %s", after.ClusterID)
	}

	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := r.Wipe(); err != nil {
		t.Fatal(err)
	}
	r.is(t, Unreachable)
	if _, _, err := r.cluster.Leader(ctx); !fault.Is(err, fault.VaultUnreachable) {
		t.Errorf("Leader = %v", err)
	}
	r = run(t, r.Options())
	fresh, freshKeys := r.lead(t, seal)
	if err := fresh.RestoreForced(ctx, &snapshot); err != nil {
		t.Fatal(err)
	}
	r.is(t, Sealed)
	if err := r.node().Unseal(ctx, freshKeys.Shares); !fault.Is(err, fault.UnsealSharesWrong) {
		t.Errorf("the shares of the empty cluster: %v", err)
	}
	if err := r.node().Unseal(ctx, keys.Shares); err != nil {
		t.Fatal(err)
	}
	if after := r.is(t, Active); after.ClusterID != before.ClusterID {
		t.Errorf("cluster id %s, want %s", after.ClusterID, before.ClusterID)
	}
	if _, err := fresh.ReadSecret(ctx, "smtp/", "tenant/admin", 0); !fault.Is(err, fault.VaultRefused) {
		t.Errorf("the token of the empty cluster: %v", err)
	}
	found := must(must(r.node().AsRoot(keys)).ReadSecret(ctx, "smtp/", "tenant/admin", 0))
	if found == nil || found.Data["username"] != "admin" {
		t.Errorf("found %+v", found)
	}
}
