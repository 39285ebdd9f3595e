// Package sealedtest runs the second reader of sealed files, docs/unseal.py, for tests that hold it against the first.
package sealedtest

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/venv"
)

// The packages of the environment stay in PMDR_CACHE, or .cache at the repository's root.
var environment struct {
	sync.Once
	python string
	err    error
}

// UnsealPy runs the reader on a file and returns its result, "ok" or the name of the refusal, and the plaintext. root is
// the repository's root.
func UnsealPy(t *testing.T, root, sealed string, flags ...string) (result string, plaintext []byte) {
	t.Helper()
	environment.Do(func() {
		requirements, err := os.ReadFile(filepath.Join(root, "docs", "unseal-requirements.txt"))
		if err != nil {
			environment.err = err
			return
		}
		cache := cmp.Or(os.Getenv("PMDR_CACHE"), filepath.Join(root, ".cache"))
		dir, err := venv.Install(t.Context(), cache, "unseal", requirements, os.Stderr)
		environment.python, environment.err = filepath.Join(dir, "bin", "python"), err
	})
	if environment.err != nil {
		t.Fatal(environment.err)
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "plaintext")
	args := append([]string{filepath.Join(root, "docs", "unseal.py"), sealed, out}, flags...)
	said, err := exec.CommandContext(t.Context(), environment.python, args...).CombinedOutput()
	if err == nil {
		if plaintext, err = os.ReadFile(out); err != nil {
			t.Fatal(err)
		}
		return "ok", plaintext
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%s is refused, and %v is left", sealed, left)
	}
	result, ok := strings.CutPrefix(strings.TrimSpace(string(said)), "unseal: ")
	if !ok {
		t.Fatalf("%v: %s", err, said)
	}
	result, _, _ = strings.Cut(result, ":")
	return result, nil
}
