// Command unseal opens a sealed file with an age identity and nothing else: no AWS, no network, no configuration. It is
// the break-glass of docs/sealed-file.md.
//
//	go run ./internal/sealed/unseal -identity key.txt -in vault-snapshot.enc -out vault.snap
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"github.com/penguinmails/disaster-recovery/internal/sealed"
)

func main() {
	identity := flag.String("identity", "", "file with the age identity")
	in := flag.String("in", "", "sealed file")
	out := flag.String("out", "", "new file for the plaintext")
	flag.Parse()
	if err := run(context.Background(), *identity, *in, *out, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "unseal:", err)
		os.Exit(1)
	}
}

// run writes the plaintext of in to out, and its header to report. Either out is whole and proven, or it is not there.
func run(ctx context.Context, identityPath, in, out string, report io.Writer) error {
	identities, err := readIdentities(identityPath)
	if err != nil {
		return err
	}
	src, err := os.Open(in)
	if err != nil {
		return err
	}
	defer src.Close()
	r, err := sealed.Open(ctx, src, sealed.WithAge(identities...))
	if err != nil {
		return err
	}
	if err := unseal(r, out); err != nil {
		return err
	}
	e := json.NewEncoder(report)
	e.SetIndent("", "  ")
	return e.Encode(r.Header())
}

func readIdentities(path string) ([]age.Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return age.ParseIdentities(f)
}

// unseal copies r to out under another name first: what carries the name out was read to its clean end.
func unseal(r io.Reader, out string) error {
	if _, err := os.Lstat(out); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s exists already, or cannot be looked at", out)
	}
	part := out + ".unproven"
	dst, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, r)
	err = errors.Join(err, dst.Sync(), dst.Close())
	if err == nil {
		err = os.Rename(part, out)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return nil
}
