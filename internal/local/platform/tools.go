// Package platform is the whole of production on one machine: the AWS engine with the deployed template, a real Vault
// configured as an operator configures it, and tenants whose credentials it holds.
package platform

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/local/engine"
	"github.com/penguinmails/disaster-recovery/internal/local/progress"
	"github.com/penguinmails/disaster-recovery/internal/local/tool"
	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
)

// Tools are the programs that the platform is made of. They are fetched and built once per checkout.
type Tools struct {
	// Root is the repository, Cache the folder below it that holds what was fetched and built.
	Root, Cache string
	// SAM builds and deploys.
	SAM tool.SAM
	// Python runs the engine, Vault is the server.
	Python, Vault string
}

// Fetch provides the tools: everything is downloaded first and at once, then compiled. What is there already costs
// nothing.
func Fetch(ctx context.Context, root string, say *progress.Printer) (Tools, error) {
	t := Tools{Root: root, Cache: filepath.Join(root, ".cache")}
	if err := os.MkdirAll(t.Cache, 0o755); err != nil {
		return t, err
	}
	log, err := os.Create(filepath.Join(t.Cache, "fetch-engine.log"))
	if err != nil {
		return t, err
	}
	defer log.Close()
	fetches, fctx := errgroup.WithContext(ctx)
	fetches.Go(func() error {
		return say.Step("fetch the local AWS engine (once, about half a minute)", func() (err error) {
			t.Python, err = engine.InstallEngine(fctx, t.Cache, log)
			return err
		})
	})
	fetches.Go(func() (err error) {
		t.SAM, err = FetchSAM(fctx, root, say)
		return err
	})
	fetches.Go(func() error {
		return say.Step("fetch Go modules", func() error { return download(fctx, root) })
	})
	if err := fetches.Wait(); err != nil {
		return t, err
	}
	compiles, cctx := errgroup.WithContext(ctx)
	compiles.Go(func() error {
		return say.Step("build Vault (once, about two minutes)", func() (err error) {
			t.Vault, err = vaultserver.Build(cctx, root, t.Cache, quiet)
			return err
		})
	})
	compiles.Go(func() error { return t.compile(cctx, say) })
	if err := compiles.Wait(); err != nil {
		return t, err
	}
	return t, nil
}

// FetchSAM provides the SAM CLI alone, which is all that the linters need.
func FetchSAM(ctx context.Context, root string, say *progress.Printer) (sam tool.SAM, err error) {
	cache := filepath.Join(root, ".cache")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return sam, err
	}
	log, err := os.Create(filepath.Join(cache, "fetch-sam.log"))
	if err != nil {
		return sam, err
	}
	defer log.Close()
	err = say.Step("fetch the SAM CLI (once, about a minute)", func() (err error) {
		sam.Cache = cache
		sam.Program, err = engine.InstallSAM(ctx, cache, log)
		return err
	})
	return sam, err
}

// download fetches the modules of the product and of the Vault server before anything is compiled.
func download(ctx context.Context, root string) error {
	for _, dir := range []string{root, filepath.Join(root, "internal/local/vaultserver/server")} {
		if _, err := tool.Run(ctx, dir, nil, "go", "mod", "download"); err != nil {
			return err
		}
	}
	return nil
}

// quiet is for helpers that log what progress.Printer already tells.
var quiet = slog.New(slog.DiscardHandler)
