//go:build platform

package main

import (
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/sealed/sealedtest"
)

// The second reader takes and refuses the same copies.
func TestPythonHoldsFilesAgainstManifests(t *testing.T) {
	try := func(t *testing.T, k *kit, want string) {
		t.Helper()
		result, _ := sealedtest.UnsealPy(t, "../../..", k.path(archive.SnapshotName), "--key", k.key, "--identity", identity)
		if result != want {
			t.Errorf("result %q, want %q", result, want)
		}
	}
	try(t, newKit(t), "ok")
	for name, c := range spoiled {
		t.Run(name, func(t *testing.T) {
			k := newKit(t)
			c.spoil(t, k)
			try(t, k, c.result)
		})
	}
}
