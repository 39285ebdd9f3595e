package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/sealed"
)

const (
	vectors  = "../testdata/vectors/"
	identity = vectors + "TEST-ONLY-age-identity.txt"
)

// open runs the command without a manifest, with the identity of the vectors.
func open(t *testing.T, in, out string, report io.Writer) error {
	t.Helper()
	return job{identity: identity, in: in, out: out, report: report}.run(t.Context())
}

func TestUnseal(t *testing.T) {
	out := filepath.Join(t.TempDir(), "vault.snap")
	var report bytes.Buffer
	if err := open(t, vectors+"age-recipient.enc", out, &report); err != nil {
		t.Fatal(err)
	}
	plaintext, err := os.ReadFile(out)
	if err != nil || len(plaintext) != 1000 {
		t.Fatalf("%d bytes, %v", len(plaintext), err)
	}
	for i, b := range plaintext {
		if int(b) != i%251 {
			t.Fatalf("byte %d is %d", i, b)
		}
	}
	if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a snapshot that others can read: %v, %v", info.Mode(), err)
	}
	var h sealed.Header
	if err := json.Unmarshal(report.Bytes(), &h); err != nil || h.Vault.RaftIndex != 48213 {
		t.Errorf("reported %s, %v", report.String(), err)
	}
	if err := open(t, vectors+"age-recipient.enc", out, &report); err == nil {
		t.Error("a file that was there was replaced")
	}
}

func TestNothingIsLeftOfABrokenFile(t *testing.T) {
	file, err := os.ReadFile(vectors + "age-recipient.enc")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in := filepath.Join(dir, "broken.enc")
	if err := os.WriteFile(in, file[:len(file)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, in, filepath.Join(dir, "vault.snap"), io.Discard); !errors.Is(err, sealed.ErrCorrupt) {
		t.Fatalf("got %v", err)
	}
	if err := open(t, vectors+"one-byte.enc", filepath.Join(dir, "vault.snap"), io.Discard); !errors.Is(err, sealed.ErrKey) {
		t.Fatalf("a file without age key: %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestErrorsHideTheIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity.txt")
	if err := os.WriteFile(path, []byte("AGE-SECRET-KEY-1HUNTER2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	j := job{identity: path, in: vectors + "age-recipient.enc", out: filepath.Join(t.TempDir(), "out"), report: io.Discard}
	err := j.run(t.Context())
	if err == nil || strings.Contains(err.Error(), "HUNTER2") {
		t.Errorf("got %v", err)
	}
}
