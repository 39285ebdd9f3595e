//go:build platform

package engine

import (
	"context"
	"testing"

	"golang.org/x/sync/errgroup"
)

// A check looks at one behaviour that AWS documents and says how the account's engine differs from it, "" if it does not.
type check func(ctx context.Context, a *account) (difference string, err error)

// restores holds a fix of the launcher from both sides: with it the engine behaves as AWS does, and without it the
// engine still does not.
func restores(t *testing.T, c check) {
	t.Helper()
	t.Parallel()
	var withFix, without string
	checks, ctx := errgroup.WithContext(t.Context())
	checks.Go(func() (err error) { withFix, err = c(ctx, fixed); return err })
	checks.Go(func() (err error) { without, err = c(ctx, stock); return err })
	if err := checks.Wait(); err != nil {
		t.Fatal(err)
	}
	if withFix != "" {
		t.Errorf("the engine differs from AWS in spite of the fix: %s", withFix)
	}
	if without == "" {
		t.Error("the engine no longer needs this fix: delete it")
	}
	t.Logf("the stock engine: %s", without)
}
