//go:build platform

package backup

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/archive/archivetest"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

// The whole runbook without its state machine: capture, verify, promote, verify again, prune.
func TestBackupEndToEnd(t *testing.T) {
	large := largeSample(t)
	b := newBench(t, streams(large))
	taken, err := b.Snapshot(t.Context(), b.in)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sealed.Vault{
		Version: vaulttest.Version, ClusterID: vaulttest.ClusterID, SealType: "shamir", Shares: 5, Threshold: 3,
		RaftIndex: index, Mounts: []string{"smtp/", "transit/"},
	}, taken.Vault); d != "" {
		t.Errorf("- wanted, + captured:\n%s", d)
	}
	if want := time.Unix(vaulttest.Time, 0).UTC(); !taken.CapturedAt.Equal(want) {
		t.Errorf("captured at %s, want Vault's clock, %s", taken.CapturedAt, want)
	}
	found, err := b.Inventory(t.Context(), b.listed(taken))
	if err != nil || found.Secrets != 1 {
		t.Fatalf("inventory %+v, %v", found, err)
	}
	if !b.loggedOut() {
		t.Error("the token is not given back")
	}
	verifier := Verifier{Archive: b.Archive, Now: clock}
	verify := VerifyInput{
		Slot: b.in.Plan.Slot, CaptureID: b.in.Plan.CaptureID, Inventory: found, Snapshot: taken, Execution: running,
	}
	verified, err := verifier.Verify(t.Context(), pass(t, verify))
	if err != nil || verified.BackupDate != "2026-11-24" || verified.Secrets != 1 || verified.SnapshotBytes != taken.Object.Size {
		t.Fatalf("%+v, %v", verified, err)
	}
	again, err := verifier.Verify(t.Context(), pass(t, verify))
	if d := cmp.Diff(verified, again); d != "" || err != nil {
		t.Errorf("verified once more: %v\n%s", err, d)
	}

	promote := PromoteInput{Plan: b.in.Plan, Inventory: found, Snapshot: taken, Execution: running}
	promoted, err := Promoter{b.Archive}.Promote(t.Context(), pass(t, promote))
	if err != nil || promoted.Slot.String() != "monthly/2026-11" {
		t.Fatalf("%+v, %v", promoted, err)
	}
	for _, pair := range [][2]archive.Object{
		{found.Object, promoted.Inventory.Object}, {taken.Object, promoted.Snapshot.Object},
	} {
		if !bytes.Equal(b.body(pair[0]), b.body(pair[1])) || pair[0].SHA256Sealed != pair[1].SHA256Sealed {
			t.Errorf("%s is not %s", pair[1].Key, pair[0].Key)
		}
		if left := b.lock(pair[1]); left < archive.Monthly.Lock()-time.Hour {
			t.Errorf("%s is locked for %s", pair[1].Key, left)
		}
	}
	month, err := verifier.Verify(t.Context(), pass(t, VerifyInput{
		Slot: promoted.Slot, CaptureID: b.in.Plan.CaptureID, Inventory: promoted.Inventory, Snapshot: promoted.Snapshot, Execution: running,
	}))
	if err != nil || month.BackupDate != "2026-11" || !month.CapturedAt.Equal(verified.CapturedAt) {
		t.Errorf("%+v, %v", month, err)
	}
	planned, err := Planner{Manifests: b.Archive, Now: clock}.Plan(t.Context(), PlanInput{Input: json.RawMessage(daily), Execution: running})
	if err != nil || !planned.AlreadyVerified || planned.PromoteTo != (archive.Slot{}) {
		t.Errorf("the next plan is %+v, %v", planned, err)
	}
	pruned, err := Pruner{b.Archive}.Prune(t.Context(), PruneInput{Execution: running})
	if err != nil || pruned.Deleted != 0 || pruned.Tiers[archive.Daily].Kept != 1 || pruned.Tiers[archive.Monthly].Kept != 1 {
		t.Errorf("%+v, %v", pruned, err)
	}

	var plain []byte
	err = b.Archive.Read(t.Context(), promoted.Snapshot.Object, func(_ sealed.Header, r io.Reader) (err error) {
		plain, err = io.ReadAll(r)
		return err
	})
	if err != nil || !bytes.Equal(plain, large) {
		t.Errorf("Vault streamed %d bytes, %d come back, %v", len(large), len(plain), err)
	}
	b.holdsNoSecret(found.Object)
}

// holdsNoSecret reads an inventory and looks for what Vault guards.
func (b bench) holdsNoSecret(o archive.Object) {
	b.t.Helper()
	err := b.Archive.Read(b.t.Context(), o, func(_ sealed.Header, r io.Reader) error {
		text, err := io.ReadAll(r)
		if strings.Contains(string(text), "planted-secret") || strings.Contains(string(text), token) {
			b.t.Error("the inventory holds a secret")
		}
		inv, parseErr := inventory.Read(bytes.NewReader(text))
		if parseErr != nil || len(inv.Secrets) != 1 || inv.Secrets[0].Path != "a/admin" || inv.Secrets[0].Version != 2 {
			b.t.Errorf("%+v, %v", inv, parseErr)
		}
		return err
	})
	if err != nil {
		b.t.Error(err)
	}
}

// What is no whole snapshot is not kept, not even a part of it, and the fault says whose it is.
func TestSnapshotBroken(t *testing.T) {
	large := largeSample(t)
	cut := func(at int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(large)))
			_, _ = w.Write(large[:at])
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   fault.Name
	}{
		"an empty 200":              {func(http.ResponseWriter, *http.Request) {}, fault.SnapshotIncomplete},
		"not a snapshot":            {streams([]byte("<html>busy</html>")), fault.SnapshotIncomplete},
		"without SHA256SUMS.sealed": {streams(sample(t, "")), fault.SnapshotIncomplete},
		"ended midway, as if whole": {streams(large[:len(large)/2]), fault.SnapshotIncomplete},
		"cut at the beginning":      {cut(100), fault.SnapshotIncomplete},
		"cut after the first part":  {cut(10 << 20), fault.SnapshotIncomplete},
		"cut before the last byte":  {cut(len(large) - 1), fault.SnapshotIncomplete},
		"something behind it":       {streams(append(sample(t, "sealed sums"), "trailing"...)), fault.SnapshotIncomplete},
		"a redirect from a standby": {vaulttest.Redirect("https://127.0.0.1:1"), fault.VaultUnreachable},
		"refused":                   {vaulttest.JSON(http.StatusForbidden, `{"errors":["permission denied"]}`), fault.VaultRefused},
		"failed":                    {vaulttest.JSON(http.StatusInternalServerError, `{"errors":["internal error"]}`), fault.VaultUnreachable},
		"no answer":                 {vaulttest.Cut, fault.VaultUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, c.answer)
			_, err := b.Snapshot(t.Context(), b.in)
			if !fault.Is(err, c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if kept := b.kept(); len(kept) > 0 {
				t.Errorf("%v is kept", kept)
			}
			if !b.loggedOut() {
				t.Error("the token is not given back")
			}
			if err != nil && strings.Contains(err.Error(), token) {
				t.Error("the error holds the token")
			}
		})
	}
}

// A Vault that cannot be asked leaves nothing in the bucket.
func TestCaptureWithoutVault(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*vaulttest.Node)
		want  fault.Name
	}{
		"sealed":           {func(n *vaulttest.Node) { n.Be("sealed") }, fault.VaultSealed},
		"empty":            {func(n *vaulttest.Node) { n.Be("uninitialized") }, fault.VaultUninitialized},
		"no leader":        {func(n *vaulttest.Node) { n.Be("standby") }, fault.NoLeader},
		"refuses a login":  {func(n *vaulttest.Node) { n.On("PUT auth/aws/login", refused) }, fault.VaultRefused},
		"hides its seal":   {func(n *vaulttest.Node) { n.On("GET sys/seal-status", refused) }, fault.VaultRefused},
		"hides its index":  {func(n *vaulttest.Node) { n.On("GET sys/leader", refused) }, fault.VaultRefused},
		"hides its mounts": {func(n *vaulttest.Node) { n.On("GET sys/mounts", refused) }, fault.VaultRefused},
		"hides its audit":  {func(n *vaulttest.Node) { n.On("GET sys/audit", refused) }, fault.VaultRefused},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, streams(sample(t, "sealed sums")))
			c.spoil(b.node)
			if _, err := b.Snapshot(t.Context(), b.in); !fault.Is(err, c.want) {
				t.Errorf("snapshot: %v, want %s", err, c.want)
			}
			if _, err := b.Inventory(t.Context(), b.listed(Snapshot{CapturedAt: night})); !fault.Is(err, c.want) {
				t.Errorf("inventory: %v, want %s", err, c.want)
			}
			if kept := b.kept(); len(kept) > 0 {
				t.Errorf("%v is kept", kept)
			}
			if strings.HasPrefix(name, "hides") && !b.loggedOut() {
				t.Error("the token is not given back")
			}
		})
	}
}

// Where the bucket refuses, Vault's stream is whole and the fault is not Vault's.
func TestCaptureWithoutBucket(t *testing.T) {
	for name, snapshot := range map[string][]byte{"small": sample(t, "sealed sums"), "of several parts": largeSample(t)} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, streams(snapshot))
			b.Archive = archive.Open(archivetest.AWS, archive.Config{
				Bucket: b.bucket + "-gone", BackupKey: archivetest.BackupKey, ManifestKey: archivetest.ManifestKey,
			}, time.Now)
			if _, err := b.Snapshot(t.Context(), b.in); !fault.Is(err, fault.AWSRefused) {
				t.Errorf("snapshot: %v", err)
			}
			if _, err := b.Inventory(t.Context(), b.listed(Snapshot{CapturedAt: night})); !fault.Is(err, fault.AWSRefused) {
				t.Errorf("inventory: %v", err)
			}
		})
	}
}

var refused = vaulttest.JSON(http.StatusForbidden, `{"errors":["permission denied"]}`)
