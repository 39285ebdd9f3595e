package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/vault/api"
)

func initialise(ctx context.Context, c *api.Client, out io.Writer, flags *flag.FlagSet, args []string) error {
	shares, threshold := flags.Int("key-shares", 5, ""), flags.Int("key-threshold", 3, "")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	made, err := c.Sys().InitWithContext(ctx, &api.InitRequest{SecretShares: *shares, SecretThreshold: *threshold})
	if err != nil {
		return err
	}
	for i, key := range made.KeysB64 {
		fmt.Fprintf(out, "Unseal Key %d: %s\n", i+1, key)
	}
	_, err = fmt.Fprintf(out, "\nInitial Root Token: %s\n", made.RootToken)
	return err
}

func unseal(ctx context.Context, c *api.Client, out io.Writer, flags *flag.FlagSet, args []string) error {
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	status, err := c.Sys().UnsealWithContext(ctx, flags.Arg(0))
	if err != nil {
		return fmt.Errorf("error unsealing: %w", err)
	}
	_, err = fmt.Fprintf(out, "Sealed             %t\nUnseal Progress    %d/%d\n", status.Sealed, status.Progress, status.T)
	return err
}

func listPeers(ctx context.Context, c *api.Client, out io.Writer, flags *flag.FlagSet, args []string) error {
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	answer, err := c.Logical().ReadWithContext(ctx, "sys/storage/raft/configuration")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, answer.Data["config"])
	return err
}

func restore(ctx context.Context, c *api.Client, _ io.Writer, flags *flag.FlagSet, args []string) error {
	force := flags.Bool("force", false, "")
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	snapshot, err := os.Open(flags.Arg(0))
	if err != nil {
		return err
	}
	defer snapshot.Close()
	if err := c.Sys().RaftSnapshotRestoreWithContext(ctx, snapshot, *force); err != nil {
		return fmt.Errorf("error installing the snapshot: %w", err)
	}
	return nil
}

func generateRoot(ctx context.Context, c *api.Client, out io.Writer, flags *flag.FlagSet, args []string) error {
	makeOTP, begin := flags.Bool("generate-otp", false, ""), flags.Bool("init", false, "")
	otp, nonce, encoded := flags.String("otp", "", ""), flags.String("nonce", "", ""), flags.String("decode", "", "")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	if *encoded != "" {
		token, err := decode(*encoded, *otp)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(out, token)
		return err
	}
	status, err := c.Sys().GenerateRootStatusWithContext(ctx)
	switch {
	case err != nil:
		return err
	case *makeOTP:
		_, err = fmt.Fprint(out, (rand.Text() + rand.Text())[:status.OTPLength])
		return err
	case *begin:
		status, err = c.Sys().GenerateRootInitWithContext(ctx, *otp, "")
	case flags.NArg() == 1:
		status, err = c.Sys().GenerateRootUpdateWithContext(ctx, flags.Arg(0), *nonce)
	default:
		return errors.New("operator generate-root: this stand-in does not prompt")
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Nonce         %s\nStarted       %t\nProgress      %d/%d\n", status.Nonce, status.Started, status.Progress, status.Required)
	if status.EncodedToken != "" {
		fmt.Fprintf(out, "Encoded Token %s\n", status.EncodedToken)
	}
	return nil
}

// decode takes the one-time password off a generated token (sdk/helper/roottoken).
func decode(encoded, otp string) (string, error) {
	token, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil || len(token) != len(otp) {
		return "", errors.New("error decoding root token")
	}
	for i := range token {
		token[i] ^= otp[i]
	}
	return string(token), nil
}
