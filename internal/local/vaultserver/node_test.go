package vaultserver

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/process"
)

// These nodes never get as far as answering; those that do are in platform_test.go.

func stand(t *testing.T, script string) Options {
	t.Helper()
	a, err := NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Dir: t.TempDir(), Name: "vault-1", Attached: true,
		CertFile: a.CertFile, KeyFile: a.KeyFile, CAFile: a.CAFile,
	}
	if script != "" {
		o.Binary = filepath.Join(t.TempDir(), "vault")
		write(t, o.Binary, script, 0o755)
	}
	return o
}

func TestStartQuotesTheLogOfAServerThatEnds(t *testing.T) {
	o := stand(t, "#!/bin/sh\necho \"$1 $2\"\necho storage is on fire >&2\nexit 1\n")
	o.LogFile = filepath.Join(t.TempDir(), "log")
	write(t, o.LogFile, "said by an earlier run\n", 0o600)
	_, err := Start(t.Context(), o)
	if err == nil {
		t.Fatal("a server that ended was taken for a started one")
	}
	for _, want := range []string{"vault-1", "storage is on fire", "server -config=" + o.Dir + "/vault.json"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "earlier run") {
		t.Errorf("error %q quotes an earlier run", err)
	}
}

func TestStartRefusesATakenAddress(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	o := stand(t, "#!/bin/sh\nexit 1\n")
	o.Address = listener.Addr().String()
	if _, err := Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got error %v, want the address to be in use", err)
	}
}

func TestServerSeesNoVaultVariablesOfTheCaller(t *testing.T) {
	t.Setenv("VAULT_API_ADDR", "https://elsewhere.example.com")
	o := stand(t, "#!/bin/sh\necho \"api=[$VAULT_API_ADDR] region=[$AWS_REGION]\"\nexit 1\n")
	o.Env = []string{"AWS_REGION=us-east-1"}
	_, err := Start(t.Context(), o)
	if err == nil {
		t.Fatal("a server that ended was taken for a started one")
	}
	if want := "api=[] region=[us-east-1]"; !strings.Contains(err.Error(), want) {
		t.Errorf("the server sees %v, want %s", err, want)
	}
}

func TestStartNamesAMissingOption(t *testing.T) {
	for option, forget := range map[string]func(o *Options){
		"Name":   func(o *Options) { o.Name = "" },
		"Binary": func(o *Options) { o.Binary = "" },
		"Dir":    func(o *Options) { o.Dir = "" },
		"CAFile": func(o *Options) { o.CAFile = "" },
	} {
		o := stand(t, "#!/bin/sh\nexit 1\n")
		forget(&o)
		if _, err := Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), option+" is missing") {
			t.Errorf("without %s: got error %v", option, err)
		}
	}
}

func TestWipeSparesARunningNode(t *testing.T) {
	sleep := exec.Command("sleep", "60")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = sleep.Process.Kill()
		_ = sleep.Wait()
	})
	p, err := process.Identify(sleep.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: t.TempDir()}
	kept := filepath.Join(o.dataDir(), "vault.db")
	if err := os.Mkdir(o.dataDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, kept, "data", 0o600)
	n := Attach(Record{Options: o, Process: p})
	if err := n.Wipe(); err == nil {
		t.Error("a running node was wiped")
	}
	if _, err := os.Stat(kept); err != nil {
		t.Fatal(err)
	}
	if err := n.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := n.Wipe(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(kept); !os.IsNotExist(err) {
		t.Errorf("the data is still there: %v", err)
	}
}
