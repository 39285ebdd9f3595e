// Command server is a slim build of the real HashiCorp Vault 1.21.0: the core, raft storage, the kv, transit, approle
// and aws plugins, the file audit device and the transit seal, and nothing else. It takes the command line and the
// configuration file of the `vault` binary, so that either can stand in for the other:
//
//	server server -config=vault.json
//	server version
//
// Licence: Vault is BUSL-1.1; it is fetched and built on the operator's machine, for tests only, and no part of it is in
// this repository.
//
// It is a module of its own because its dependencies would otherwise become those of every Lambda of the product.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/vault/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "vault:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch name {
	case "version", "-version", "--version":
		_, err := fmt.Fprintf(stdout, "Vault v%s (slim)\n", version.GetVersion().VersionNumber())
		return err
	case "server":
		flags := flag.NewFlagSet("vault server", flag.ContinueOnError)
		flags.SetOutput(stderr)
		file := flags.String("config", "", "configuration `file`, in Vault's JSON syntax")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		if *file == "" || flags.NArg() > 0 {
			return errors.New("usage: vault server -config=FILE.json")
		}
		config, err := loadConfig(*file)
		if err != nil {
			return err
		}
		return serve(ctx, config, stdout, stderr)
	default:
		return fmt.Errorf("unknown command %q: this build knows server and version", name)
	}
}
