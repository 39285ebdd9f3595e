// Command local runs the platform on one machine. It is what the Makefile calls:
//
//	go run ./internal/local demo|test|lint|bench|up|status|lose-vault|lose-server|down
package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/penguinmails/disaster-recovery/internal/local/bench"
	"github.com/penguinmails/disaster-recovery/internal/local/demo"
	"github.com/penguinmails/disaster-recovery/internal/local/lint"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/progress"
	"github.com/penguinmails/disaster-recovery/internal/local/testrun"
	"github.com/penguinmails/disaster-recovery/internal/local/up"
)

// commands run in the checkout at root.
var commands = map[string]func(ctx context.Context, root string, say *progress.Printer) error{
	"demo":        demo.Run,
	"test":        testrun.All,
	"lint":        lintAll,
	"bench":       bench.Run,
	"up":          up.Up,
	"status":      up.Status,
	"lose-vault":  up.LoseVault,
	"lose-server": up.LoseServer,
	"down":        up.Down,
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	slog.SetLogLoggerLevel(slog.LevelWarn) // the steps' packages are used here too, and people read this output
	switch err := run(ctx); {
	case err != nil && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "\nInterrupted; what this command started was stopped.")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "\n"+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if len(os.Args) != 2 || commands[os.Args[1]] == nil {
		return fmt.Errorf("usage: go run ./internal/local %s", strings.Join(slices.Sorted(maps.Keys(commands)), "|"))
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	return commands[os.Args[1]](ctx, root, progress.New(os.Stdout))
}

func lintAll(ctx context.Context, root string, say *progress.Printer) error {
	sam, err := platform.FetchSAM(ctx, root, say)
	if err != nil {
		return err
	}
	return lint.Run(ctx, root, sam, say)
}
