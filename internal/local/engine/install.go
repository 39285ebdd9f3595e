package engine

import (
	"context"
	"embed"
	"io"
	"path/filepath"

	"github.com/penguinmails/disaster-recovery/internal/local/venv"
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

// InstallEngine makes the engine's Python environment under cacheDir and returns its interpreter. It needs python3 with
// venv, and reaches the package index only if the environment is not there yet in this very version. What is being
// done, and what pip says if it fails, goes to log.
func InstallEngine(ctx context.Context, cacheDir string, log io.Writer) (python string, err error) {
	dir, err := venv.Install(ctx, cacheDir, "engine", engineRequirements, log)
	return filepath.Join(dir, "bin", "python"), err
}

// InstallSAM does the same for the SAM CLI, whose packages do not agree with the engine's, and returns the sam program.
func InstallSAM(ctx context.Context, cacheDir string, log io.Writer) (sam string, err error) {
	dir, err := venv.Install(ctx, cacheDir, "sam", samRequirements, log)
	return filepath.Join(dir, "bin", "sam"), err
}
