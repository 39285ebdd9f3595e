// Command cli speaks to a Vault as the `vault` binary does: the part of its command line that docs/break-glass.md uses,
// with the same calls, arguments, environment and output (command/*.go of Vault 1.21). The slim server has none.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hashicorp/vault/api"
)

// errSealed makes `status` exit with 2, as Vault's does.
var errSealed = errors.New("sealed")

func main() {
	switch err := run(context.Background(), os.Args[1:], os.Stdout); {
	case errors.Is(err, errSealed):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// command is one subcommand; its arguments are what follows the flags.
type command func(ctx context.Context, c *api.Client, out io.Writer, flags *flag.FlagSet, args []string) error

var commands = map[string]command{
	"status":                         status,
	"write":                          write,
	"kv get":                         kvGet,
	"operator init":                  initialise,
	"operator unseal":                unseal,
	"operator generate-root":         generateRoot,
	"operator raft list-peers":       listPeers,
	"operator raft snapshot restore": restore,
}

func run(ctx context.Context, args []string, out io.Writer) error {
	for name, do := range commands {
		words := strings.Fields(name)
		if len(args) < len(words) || strings.Join(args[:len(words)], " ") != name {
			continue
		}
		client, err := api.NewClient(nil) // VAULT_ADDR, VAULT_CACERT and VAULT_TOKEN
		if err != nil {
			return err
		}
		return do(ctx, client, out, flag.NewFlagSet(name, flag.ContinueOnError), args[len(words):])
	}
	return fmt.Errorf("this stand-in for the vault binary does not know %q", strings.Join(args, " "))
}

// parse reads the flags, and asks for that many arguments at least.
func parse(flags *flag.FlagSet, args []string, least int) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() < least {
		return fmt.Errorf("%s: %d arguments at least", flags.Name(), least)
	}
	return nil
}

func status(ctx context.Context, c *api.Client, out io.Writer, flags *flag.FlagSet, args []string) error {
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	seal, err := c.Sys().SealStatusWithContext(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Key                Value\n---                -----\nSealed             %t\n", seal.Sealed)
	if seal.Sealed {
		return errSealed
	}
	return nil
}

func write(ctx context.Context, c *api.Client, out io.Writer, flags *flag.FlagSet, args []string) error {
	field := flags.String("field", "", "")
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	data := map[string]any{}
	for _, pair := range flags.Args()[1:] {
		name, value, _ := strings.Cut(pair, "=")
		data[name] = value
	}
	answer, err := c.Logical().WriteWithContext(ctx, flags.Arg(0), data)
	if err != nil {
		return err
	}
	return printField(out, answer.Data, *field)
}

func kvGet(ctx context.Context, c *api.Client, out io.Writer, flags *flag.FlagSet, args []string) error {
	mount, field := flags.String("mount", "", ""), flags.String("field", "", "")
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	found, err := c.KVv2(*mount).Get(ctx, flags.Arg(0))
	if err != nil {
		return err
	}
	return printField(out, found.Data, *field)
}

// printField prints a value without a line feed, as Vault does where the output is no terminal.
func printField(out io.Writer, data map[string]any, field string) error {
	value, ok := data[field]
	if !ok {
		return fmt.Errorf("field %q not present in secret", field)
	}
	_, err := fmt.Fprint(out, value)
	return err
}
