// Command unseal opens a sealed file with an age identity: no AWS, no network, no configuration. It is the break-glass of
// docs/break-glass.md. With the public key of manifests it first proves the manifest beside the file, and the file by it;
// without, the file is what somebody sealed, whoever that was.
//
//	unseal -key manifest-key.pem -identity identity.txt -in copy/backups/2026-11-24/vault-snapshot.enc -out vault.snap
//	unseal -key manifest-key.pem -check copy/backups/2026-11-24
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/penguinmails/disaster-recovery/internal/sealed"
)

// job is what the command line asks for.
type job struct {
	key      string // file with the public key of manifests, PEM; empty: nothing is held against a manifest
	identity string
	in, out  string
	check    string // a copied slot that is proved and not opened
	report   io.Writer
}

func main() {
	j := job{report: os.Stdout}
	flag.StringVar(&j.key, "key", "", "file with the public key of manifests, PEM")
	flag.StringVar(&j.check, "check", "", "copied slot to prove without opening it")
	flag.StringVar(&j.identity, "identity", "", "file with the age identity")
	flag.StringVar(&j.in, "in", "", "sealed file, where the bucket has it")
	flag.StringVar(&j.out, "out", "", "new file for the plaintext")
	flag.Parse()
	if err := j.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "unseal:", err)
		os.Exit(1)
	}
}

// run writes the plaintext of in to out, and its header to report. Either out is whole and proven, or it is not there.
func (j job) run(ctx context.Context) error {
	if j.check != "" {
		return checkSlot(ctx, j.check, j.key, j.report)
	}
	identities, err := readIdentities(j.identity)
	if err != nil {
		return err
	}
	if j.key != "" {
		m, err := readManifest(ctx, filepath.Dir(j.in), j.key)
		if err != nil {
			return err
		}
		if err := checkFile(j.in, m); err != nil {
			return err
		}
	}
	src, err := os.Open(j.in)
	if err != nil {
		return err
	}
	defer src.Close()
	r, err := sealed.Open(ctx, src, sealed.WithAge(identities...))
	if err != nil {
		return err
	}
	if err := unseal(r, j.out); err != nil {
		return err
	}
	e := json.NewEncoder(j.report)
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
