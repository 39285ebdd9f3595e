//go:build platform

package venv

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestInstall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log bytes.Buffer
	made, err := Install(t.Context(), dir, "empty", nil, &log)
	if err != nil {
		t.Fatalf("%v: %s", err, &log)
	}
	before, err := os.Stat(filepath.Join(made, "pyvenv.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Install(t.Context(), dir, "empty", nil, &log); err != nil || again != made {
		t.Fatalf("install again: %s, %v", again, err)
	}
	if still, err := os.Stat(filepath.Join(made, "pyvenv.cfg")); err != nil || !still.ModTime().Equal(before.ModTime()) {
		t.Errorf("a complete environment was made anew (%v)", err)
	}

	// As an interrupted install leaves it: broken, and not marked complete.
	if err := errors.Join(os.Remove(filepath.Join(made, "complete")), os.Remove(filepath.Join(made, "bin", "python"))); err != nil {
		t.Fatal(err)
	}
	if _, err := Install(t.Context(), dir, "empty", nil, &log); err != nil {
		t.Fatalf("%v: %s", err, &log)
	}
	if out, err := exec.CommandContext(t.Context(), filepath.Join(made, "bin", "python"), "-c", "print(1)").CombinedOutput(); err != nil {
		t.Errorf("the environment was not made anew: %v: %s", err, out)
	}
	other, err := Install(t.Context(), dir, "empty", []byte("# other packages\n"), &log)
	if err != nil {
		t.Fatalf("%v: %s", err, &log)
	}
	if other == made {
		t.Error("other requirements share the environment")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, err := Install(ctx, dir, "cancelled", nil, &log); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled install: %v", err)
	}
}
