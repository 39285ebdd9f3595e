package engine

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// The globs are spelled out because a plain directory would lose the files that begin with an underscore.
//
//go:embed launcher/*.py launcher/fixes/*.py
var launcherFiles embed.FS

// Every package with its exact version and the hashes of its files, resolved for Python 3.11.
var (
	//go:embed requirements.txt
	engineRequirements []byte
	//go:embed requirements-sam.txt
	samRequirements []byte
)

// Tools are the programs that Install provides.
type Tools struct {
	Python string // runs the engine
	SAM    string // the AWS SAM CLI
}

// Install makes both environments, side by side. See InstallEngine.
func Install(ctx context.Context, cacheDir string, log io.Writer) (Tools, error) {
	log = &turns{w: log}
	var tools Tools
	installs, ctx := errgroup.WithContext(ctx)
	installs.Go(func() (err error) {
		tools.Python, err = InstallEngine(ctx, cacheDir, log)
		return err
	})
	installs.Go(func() (err error) {
		tools.SAM, err = InstallSAM(ctx, cacheDir, log)
		return err
	})
	return tools, installs.Wait()
}

// InstallEngine makes the engine's Python environment under cacheDir and returns its interpreter. It needs python3 with
// venv, and reaches the package index only if the environment is not there yet in this very version. What is being
// done, and what pip says if it fails, goes to log.
func InstallEngine(ctx context.Context, cacheDir string, log io.Writer) (python string, err error) {
	venv, err := install(ctx, cacheDir, "engine", engineRequirements, log)
	return filepath.Join(venv, "bin", "python"), err
}

// InstallSAM does the same for the SAM CLI, whose packages do not agree with the engine's, and returns the sam program.
func InstallSAM(ctx context.Context, cacheDir string, log io.Writer) (sam string, err error) {
	venv, err := install(ctx, cacheDir, "sam", samRequirements, log)
	return filepath.Join(venv, "bin", "sam"), err
}

// install makes cacheDir/name-key, where key stands for the requirements and the Python that reads them. An environment
// cannot be moved into place when it is finished, since its programs hold their own path; so a file inside says that it
// is, and one without that file is made anew.
func install(ctx context.Context, cacheDir, name string, requirements []byte, log io.Writer) (string, error) {
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

// turns lets one write through at a time.
type turns struct {
	mu sync.Mutex
	w  io.Writer
}

func (t *turns) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.Write(p)
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
