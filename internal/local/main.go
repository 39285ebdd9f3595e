// Command local runs the platform on one machine: go run ./internal/local demo|up|down|status|test.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/progress"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := demo(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func demo(ctx context.Context) (err error) {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	say := progress.New(os.Stdout)
	tools, err := platform.Fetch(ctx, root, say)
	if err != nil {
		return err
	}
	p, err := platform.Start(ctx, tools, platform.Options{Dir: root + "/.local/demo", Attached: true}, say)
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := p.Stop(); err == nil {
			err = stopErr
		}
	}()
	if err := p.Deploy(ctx, p.Built, "cron(0 2 * * ? *)"); err != nil {
		return err
	}
	desk := runbook.NewDesk(p.AWS)
	r, err := desk.Run(ctx, p.Outputs["VaultBackupArn"], `{"tier":"on-demand"}`)
	if err != nil {
		return err
	}
	say.Linef("%s\n%s", desk.Explain(ctx, r), r.Output)
	return nil
}
