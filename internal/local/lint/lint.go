// Package lint runs every linter over the repository: Go's own, staticcheck, CloudFormation's, and one for state machines.
// All of them run at once, and all of their findings are told.
package lint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/penguinmails/disaster-recovery/internal/local/progress"
)

// Run lints the checkout at root. sam is the SAM CLI. It needs gofmt, go and npm, and fetches the validator of state
// machines into root/.cache. The error holds what the linters found.
func Run(ctx context.Context, root, sam string, say *progress.Printer) error {
	checkout := checkout{root: root, cache: filepath.Join(root, ".cache"), sam: sam}
	linters := []struct {
		what string
		run  func(context.Context) error
	}{
		{"gofmt", checkout.gofmt},
		{"go vet", checkout.tool("go", "vet", "./...")},
		{"go vet, platform tests", checkout.tool("go", "vet", "-tags", "platform", "./...")},
		{"staticcheck", checkout.tool("go", "tool", "staticcheck", "./...")},
		{"staticcheck, platform tests", checkout.tool("go", "tool", "staticcheck", "-tags", "platform", "./...")},
		{"sam validate --lint", checkout.template},
		{"asl-validator", checkout.machines},
	}
	found := make([]error, len(linters))
	var running sync.WaitGroup
	for i, l := range linters {
		running.Go(func() {
			if err := say.Step(l.what, func() error { return l.run(ctx) }); err != nil {
				found[i] = fmt.Errorf("%s: %w", l.what, err)
			}
		})
	}
	running.Wait()
	return errors.Join(found...)
}

type checkout struct{ root, cache, sam string }

// tool runs a program that says by its exit status whether it found something.
func (c checkout) tool(name string, args ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := run(ctx, c.root, nil, name, args...)
		return err
	}
}

// gofmt lists files that are not formatted, and calls that success. The nested module of the Vault server is included.
func (c checkout) gofmt(ctx context.Context) error {
	files, err := run(ctx, c.root, nil, "gofmt", "-l", "functions", "internal")
	if err == nil && len(files) > 0 {
		err = fmt.Errorf("not formatted:\n%s", files)
	}
	return err
}

// template lints template.yaml. SAM keeps a folder in its user's home; that user is not us, and sends no usage data.
func (c checkout) template(ctx context.Context) error {
	home := filepath.Join(c.cache, "sam-home")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	env := []string{"HOME=" + home, "SAM_CLI_TELEMETRY=0", "AWS_DEFAULT_REGION=us-east-1"}
	_, err := run(ctx, c.root, env, c.sam, "validate", "--lint", "--template", "template.yaml")
	return err
}

// run gives the tool's output, or an error that holds it.
func run(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	out = bytes.TrimSpace(out)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", errors.Join(err, ctx.Err()), out)
	}
	return out, nil
}
