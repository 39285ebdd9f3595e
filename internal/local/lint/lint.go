// Package lint runs every linter over the repository: Go's own, staticcheck, CloudFormation's, one for state machines, and a
// scanner of policies. All of them run at once, and all of their findings are told.
package lint

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/penguinmails/disaster-recovery/internal/local/progress"
	"github.com/penguinmails/disaster-recovery/internal/local/tool"
)

// Run lints the checkout at root. sam is the SAM CLI. It needs gofmt, go and npm, and fetches the validator of state
// machines and the scanner into root/.cache. The error holds what the linters found.
func Run(ctx context.Context, root string, sam tool.SAM, say *progress.Printer) error {
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
		{"checkov", checkout.policies},
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

type checkout struct {
	root, cache string
	sam         tool.SAM
}

// tool runs a program that says by its exit status whether it found something.
func (c checkout) tool(name string, args ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := tool.Run(ctx, c.root, nil, name, args...)
		return err
	}
}

// gofmt lists files that are not formatted, and calls that success. The nested module of the Vault server is included.
func (c checkout) gofmt(ctx context.Context) error {
	files, err := tool.Run(ctx, c.root, nil, "gofmt", "-l", "functions", "internal")
	if err == nil && len(files) > 0 {
		err = fmt.Errorf("not formatted:\n%s", files)
	}
	return err
}

// template lints template.yaml.
func (c checkout) template(ctx context.Context) error {
	return c.sam.Run(ctx, c.root, []string{"AWS_DEFAULT_REGION=us-east-1"}, "validate", "--lint", "--template", "template.yaml")
}
