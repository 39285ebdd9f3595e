package vaultserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// moduleDir is the nested module of the slim Vault, relative to the root of the repository.
const moduleDir = "internal/local/vaultserver/server"

// Build returns the path of a Vault server: the `vault` on PATH when there is one, or else the slim one, built from the
// nested module below repoRoot and kept in cacheDir under a name that changes with its sources. From an empty Go build
// cache that takes two minutes on two cores; a second caller waits for the first. An interrupted build leaves nothing
// that a later one would take for a server.
func Build(ctx context.Context, repoRoot, cacheDir string, log *slog.Logger) (string, error) {
	if binary, err := exec.LookPath("vault"); err == nil {
		log.InfoContext(ctx, "using the vault on PATH", "binary", binary)
		return filepath.Abs(binary)
	}
	source := filepath.Join(repoRoot, moduleDir)
	key, err := sourceKey(source)
	if err != nil {
		return "", fmt.Errorf("hash the sources of the vault server: %w", err)
	}
	if cacheDir, err = filepath.Abs(cacheDir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(cacheDir, 0o755); err != nil {
		return "", err
	}
	binary := filepath.Join(cacheDir, "vault-"+key)
	unlock, err := lock(ctx, binary+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	log.InfoContext(ctx, "building the vault server", "binary", binary)
	start := time.Now()
	if err := compile(ctx, source, binary); err != nil {
		return "", fmt.Errorf("build the vault server: %w", err)
	}
	log.InfoContext(ctx, "built the vault server", "binary", binary, "seconds", time.Since(start).Seconds())
	return binary, nil
}

// sourceKey is a hash over everything the build reads: the module's files, their names, the Go release and the target.
func sourceKey(dir string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := entry.Name()
		built := strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
		if !built && name != "go.mod" && name != "go.sum" {
			return nil
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %x\n", path, sha256.Sum256(data))
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil)[:8]), err
}

// compile builds into a file beside binary and renames it, so that binary is either absent or whole. The caller holds
// the lock, so what lies beside it is left over from an interrupted build; go would refuse to write over half a file.
func compile(ctx context.Context, source, binary string) error {
	partial := binary + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	defer os.Remove(partial)
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", partial, ".")
	build.Dir = source
	// The caller may be inside a build with flags of its own, meant for another module.
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	build.Cancel = func() error { return build.Process.Signal(syscall.SIGINT) } // go ends its compilers, too
	build.WaitDelay = 10 * time.Second
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, lastLines(output, 15))
	}
	return os.Rename(partial, binary)
}

func lastLines(text []byte, n int) []byte {
	lines := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-n):], []byte("\n"))
}
