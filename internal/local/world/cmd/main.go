// Command cmd runs the world around the local platform as a process of its own, for a platform that stays up. It prints
// where everything is, a world.Place in one line of JSON, and ends with every server when it is told to (SIGTERM, SIGINT).
// The name server answers from the zones of the AWS engine that its environment names.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/local/world"
)

func main() {
	o := server.Options{Log: os.Stderr, Token: os.Getenv("PROVIDER_TOKEN")}
	flag.StringVar(&o.Dir, "dir", "", "directory of servers and volumes")
	flag.IntVar(&o.SSHPort, "ssh-port", 22, "port of the servers' SSH daemons")
	flag.StringVar(&o.Program, "program", "", "what a compose project starts, as PROGRAM -project DIR")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(o server.Options) error {
	if o.Dir == "" || os.Getenv("AWS_ENDPOINT_URL") == "" { // without it the zones would be those of the real AWS
		return fmt.Errorf("start the world: -dir or AWS_ENDPOINT_URL is missing")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	w, err := world.Start(ctx, world.Options{Provider: o, Zones: route53.NewFromConfig(aws)})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(w.Place()); err != nil {
		return err
	}
	<-ctx.Done()
	return w.Stop()
}
