package vaultserver

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// repository makes a repository whose nested module is one small program, and a PATH that holds go and no vault.
func repository(t *testing.T, program string) (root string) {
	t.Helper()
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(goCommand, filepath.Join(bin, "go")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	root = t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, moduleDir), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, moduleDir, "go.mod"), "module example.com/server\n\ngo 1.26\n", 0o644)
	write(t, filepath.Join(root, moduleDir, "main.go"), program, 0o644)
	return root
}

const (
	saysOne = "package main\n\nfunc main() { print(1) }\n"
	saysTwo = "package main\n\nfunc main() { print(2) }\n"
	broken  = "package main\n\nfunc main() { thisIsNotThere() }\n"
)

func write(t *testing.T, file, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func says(t *testing.T, binary, want string) {
	t.Helper()
	output, err := exec.Command(binary).CombinedOutput()
	if err != nil || string(output) != want {
		t.Errorf("%s says %q (%v), want %q", binary, output, err, want)
	}
}

func TestBuildKeepsOneBinaryPerSource(t *testing.T) {
	root, cache := repository(t, saysOne), t.TempDir()
	first, err := Build(t.Context(), root, cache, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	says(t, first, "1")

	// The second call must not build: what it returns is the file that is there.
	write(t, first, "#!/bin/sh\nprintf kept\n", 0o755)
	again, err := Build(t.Context(), root, cache, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if again != first {
		t.Errorf("the same sources gave %s and %s", first, again)
	}
	says(t, again, "kept")

	write(t, filepath.Join(root, moduleDir, "main_test.go"), "package main\n", 0o644)
	if again, err = Build(t.Context(), root, cache, slog.New(slog.DiscardHandler)); err != nil || again != first {
		t.Errorf("a test file changed the binary to %s (%v)", again, err)
	}

	write(t, filepath.Join(root, moduleDir, "main.go"), saysTwo, 0o644)
	changed, err := Build(t.Context(), root, cache, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	says(t, changed, "2")
}

func TestBuildAfterAnInterruptedOne(t *testing.T) {
	root, cache := repository(t, saysOne), t.TempDir()
	key, err := sourceKey(filepath.Join(root, moduleDir))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(cache, "vault-"+key+".partial"), "half a bin", 0o755)
	binary, err := Build(t.Context(), root, cache, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	says(t, binary, "1")
}

func TestBuildReportsTheCompiler(t *testing.T) {
	root, cache := repository(t, broken), t.TempDir()
	_, err := Build(t.Context(), root, cache, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "undefined: thisIsNotThere") {
		t.Fatalf("got error %v, want the compiler's", err)
	}
	left, err := filepath.Glob(filepath.Join(cache, "vault-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range left {
		if filepath.Ext(file) != ".lock" {
			t.Errorf("a failed build left %s", file)
		}
	}
}

func TestBuildPrefersTheVaultOnPath(t *testing.T) {
	bin := t.TempDir()
	want := filepath.Join(bin, "vault")
	write(t, want, "#!/bin/sh\n", 0o755)
	t.Setenv("PATH", bin)
	got, err := Build(t.Context(), t.TempDir(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil || got != want {
		t.Errorf("Build = %q, %v; want %q", got, err, want)
	}
}

func TestLockIsHeldByOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	if _, err := lock(short, file); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second holder got %v, want to wait until its deadline", err)
	}
	unlock()
	unlock, err = lock(t.Context(), file)
	if err != nil {
		t.Fatalf("the lock was not released: %v", err)
	}
	unlock()
}
