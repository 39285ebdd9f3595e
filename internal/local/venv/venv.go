// Package venv makes Python environments in which every package is pinned by the hash of its content.
package venv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Install makes the environment cacheDir/name-key and returns its folder; key stands for the requirements, which list
// every package with its hashes, and the Python that reads them. It needs python3 with venv, and reaches the package index
// only if the environment is not there yet in this very version. What pip says if it fails goes to log. An environment
// cannot be moved into place when it is finished, since its programs hold their own path; so a file inside says that it
// is, and one without that file is made anew.
func Install(ctx context.Context, cacheDir, name string, requirements []byte, log io.Writer) (string, error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("install Python environment %s: %w", name, err)
	}
	cacheDir, err := filepath.Abs(cacheDir)
	if err != nil {
		return fail(err)
	}
	version, err := exec.CommandContext(ctx, "python3", "-c", "import sys; print(sys.version)").Output()
	if err != nil {
		return fail(err)
	}
	key := sha256.Sum256(append(version, requirements...))
	venv := filepath.Join(cacheDir, name+"-"+hex.EncodeToString(key[:6]))
	complete := filepath.Join(venv, "complete")

	unlock, err := lock(venv + ".lock")
	if err != nil {
		return fail(err)
	}
	defer unlock()
	if _, err := os.Stat(complete); err == nil {
		return venv, nil
	}
	fmt.Fprintf(log, "installing Python environment %s\n", filepath.Base(venv))
	if err := os.RemoveAll(venv); err != nil {
		return fail(err)
	}
	if err := run(ctx, log, "python3", "-m", "venv", venv); err != nil {
		return fail(err)
	}
	file := filepath.Join(venv, "requirements.txt")
	if err := os.WriteFile(file, requirements, 0o600); err != nil {
		return fail(err)
	}
	// Every package is listed, so there is nothing for pip to resolve; it would stumble over extras, which have no hash.
	pip := filepath.Join(venv, "bin", "pip")
	if err := run(ctx, log, pip, "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps", "-r", file); err != nil {
		return fail(err)
	}
	if err := os.WriteFile(complete, nil, 0o600); err != nil {
		return fail(err)
	}
	return venv, nil
}

func run(ctx context.Context, log io.Writer, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", filepath.Base(name), args[0], errors.Join(err, ctx.Err()))
	}
	return nil
}

// lock waits until no other process installs the same environment.
func lock(path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}
