package testrun

import (
	"context"
	"path/filepath"

	"github.com/penguinmails/disaster-recovery/internal/local/lint"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/progress"
)

// concurrent are the packages whose code runs in many goroutines; they are tested with the race detector as well.
var concurrent = []string{"./internal/archive", "./internal/audit", "./internal/inventory", "./internal/local/faults", "./internal/restore"}

// All runs every layer: unit and contract first, for a quick answer; then the linters; then what needs the platform.
func All(ctx context.Context, root string, say *progress.Printer) error {
	var count Count
	say.Linef("Unit and contract tests")
	if err := count.Run(ctx, Layer{"unit", root, []string{"./..."}}, say); err != nil {
		return err
	}
	if count.Failed > 0 {
		return count.Verdict(say) // what comes next takes minutes
	}
	say.Linef("\nTools (the first time on a machine about five minutes, then seconds)")
	tools, err := platform.Fetch(ctx, root, say)
	if err != nil {
		return err
	}
	say.Linef("\nLinters")
	if err := lint.Run(ctx, root, tools.SAM, say); err != nil {
		return err
	}
	say.Linef("\nPlatform tests (about twenty-five minutes)")
	packages, err := PlatformPackages(root)
	if err != nil {
		return err
	}
	for _, l := range []Layer{
		{"race", root, append([]string{"-race"}, concurrent...)},
		{"vault", filepath.Join(root, "internal/local/vaultserver/server"), []string{"-trimpath", "./..."}},
		// Their results are not cached: what they depend on is more than their files.
		{"platform", root, append([]string{"-tags", "platform", "-count=1", "-p", "2", "-timeout", "40m"}, packages...)},
	} {
		if err := count.Run(ctx, l, say); err != nil {
			return err
		}
	}
	return count.Verdict(say)
}
