// Command cmd runs the local server provider as a process of its own, for a platform that stays up. It prints one line
// of JSON when it is ready, {"endpoint":…,"control":…}, and ends with every server when it is told to (SIGTERM, SIGINT).
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/penguinmails/disaster-recovery/internal/local/server"
)

func main() {
	o := server.Options{Log: os.Stderr, Token: os.Getenv("PROVIDER_TOKEN")}
	flag.StringVar(&o.Dir, "dir", "", "directory of servers and volumes")
	flag.StringVar(&o.Listen, "listen", "", "loopback address of the API; empty takes a free port")
	flag.StringVar(&o.Control, "control", "", "loopback address of the control endpoint; empty takes a free port")
	flag.IntVar(&o.SSHPort, "ssh-port", 22, "port of the servers' SSH daemons")
	flag.StringVar(&o.Program, "program", "", "what a compose project starts, as PROGRAM -project DIR")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(o server.Options) error {
	if o.Dir == "" {
		return fmt.Errorf("start local server provider: -dir is missing")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	p, err := server.Start(ctx, o)
	if err != nil {
		return err
	}
	ready := map[string]string{"endpoint": p.Endpoint(), "control": p.ControlURL()}
	if err := json.NewEncoder(os.Stdout).Encode(ready); err != nil {
		return err
	}
	<-ctx.Done()
	return p.Stop()
}
