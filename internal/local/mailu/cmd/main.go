// Command mailu-standin runs a stand-in for a Mailu server from the files that a recovery wrote into a folder. It prints
// "ready" when every port answers and ends on SIGTERM.
//
//	mailu-standin -project DIR [-port-offset N]
//	mailu-standin -project DIR -exec SERVICE -- COMMAND…    in a container of the one that runs there
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/mailu"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mailu-standin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	offset, err := strconv.Atoi(cmp.Or(os.Getenv("MAILU_PORT_OFFSET"), "0"))
	if err != nil {
		return fmt.Errorf("MAILU_PORT_OFFSET is not a number")
	}
	dir := flag.String("project", ".", "folder with docker-compose.yml and mailu.env")
	flag.IntVar(&offset, "port-offset", offset, "added to every port")
	service := flag.String("exec", "", "container in which to run the command that follows")
	flag.Parse()
	if *service != "" {
		return execute(*dir, *service, flag.Args())
	}

	project, err := mailu.OpenProject(*dir)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	server, err := mailu.Start(project, mailu.Options{PortOffset: offset, Log: log, Now: time.Now})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	<-ctx.Done()
	return server.Close()
}

// execute ends the program with the status of the command.
func execute(dir, service string, words []string) error {
	stdin := ""
	if mailu.Reads(words) {
		text, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		stdin = string(text)
	}
	ran, err := mailu.Exec(dir, service, words, stdin)
	if err != nil {
		return err
	}
	fmt.Fprint(os.Stdout, ran.Stdout)
	fmt.Fprint(os.Stderr, ran.Stderr)
	if ran.Status != 0 {
		os.Exit(ran.Status)
	}
	return nil
}
