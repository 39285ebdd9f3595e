package platform

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
)

// quiet is for helpers that log what progress.Printer already tells.
var quiet = slog.New(slog.DiscardHandler)

// run runs a tool with more environment. Its output is shown when it fails, and only then.
func run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return commandError(name, out, err)
	}
	return nil
}

// progressLine is what a tool overwrites on a terminal: noise anywhere else.
var progressLine = regexp.MustCompile(`[^\n\r]*\r`)

// shownOutput bounds how much of a failed tool's output is shown: its end, where the error is.
const shownOutput = 4000

func commandError(name string, out []byte, err error) error {
	out = bytes.TrimSpace(progressLine.ReplaceAll(out, nil))
	if len(out) > shownOutput {
		out = out[len(out)-shownOutput:]
	}
	return fmt.Errorf("%s: %w\n%s", name, err, out)
}
