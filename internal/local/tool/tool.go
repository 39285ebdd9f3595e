// Package tool runs other programs: quietly when all is well, with what they said when it is not.
package tool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// Run runs a program with more environment and returns its output; where it fails, the output is in the error.
func Run(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	out = bytes.TrimSpace(progressLine.ReplaceAll(out, nil))
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", filepath.Base(name), errors.Join(err, ctx.Err()), out[max(0, len(out)-shown):])
	}
	return out, nil
}

// shown bounds how much of a failed program's output is shown: its end, where the error is.
const shown = 16000

// progressLine is what a program overwrites on a terminal: noise anywhere else.
var progressLine = regexp.MustCompile(`[^\n\r]*\r`)

// SAM is the AWS SAM CLI.
type SAM struct {
	// Program is the executable, Cache a folder where it may keep what it would put into the user's home.
	Program, Cache string
}

// Run runs it in dir. On its own it writes to the user's home, leaves temporary folders behind and sends usage data.
func (s SAM) Run(ctx context.Context, dir string, env []string, args ...string) (err error) {
	tmp, err := os.MkdirTemp(s.Cache, "sam-tmp-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	env = append(env, "SAM_CLI_TELEMETRY=0", "__SAM_CLI_APP_DIR="+filepath.Join(s.Cache, "sam-home"), "TMPDIR="+tmp)
	_, err = Run(ctx, dir, env, s.Program, args...)
	return err
}
