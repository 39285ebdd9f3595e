// Package vaultserver runs real Vault nodes on this machine: it builds the server, starts nodes with raft storage and
// TLS, kills them as a dying host would, wipes them, and initialises and unseals them as an operator does.
package vaultserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penguinmails/disaster-recovery/internal/local/process"
)

const (
	startTimeout = time.Minute      // to the first answer of sys/health; it takes under a second
	stopGrace    = 15 * time.Second // for a clean shutdown before SIGKILL
)

// Options say how a node is started. The addresses are "127.0.0.1:PORT"; with none given, a free port is
// taken, and the Options of the started Node name it, so that the node can be started there again.
type Options struct {
	Binary         string   `json:"binary"`          // from Build
	Dir            string   `json:"dir"`             // holds the configuration, the data directory and the log
	Name           string   `json:"name"`            // the raft node id
	Address        string   `json:"address"`         // of the API
	ClusterAddress string   `json:"cluster_address"` // for the other nodes; each node needs its own
	CertFile       string   `json:"cert_file"`
	KeyFile        string   `json:"key_file"`
	CAFile         string   `json:"ca_file"`  // what clients trust
	LogFile        string   `json:"log_file"` // appended to; Dir/vault.log if empty
	Env            []string `json:"env"`      // "KEY=value"; the node sees these, PATH and HOME, and no VAULT_* of the caller
	Seal           string   `json:"seal"`     // "transit": another Vault, named by Env, opens this one; people do if empty
	Attached       bool     `json:"attached"` // the node dies with the process that started it; otherwise it survives
}

func (o Options) dataDir() string { return filepath.Join(o.Dir, "data") }

// Node is one Vault server process, started here or attached to.
type Node struct {
	options Options
	process process.Process
	exited  <-chan struct{} // closed when a child of ours was collected; nil for an attached node
}

// Record is what another process needs to take hold of a node. It is plain JSON and holds no secret of Vault's.
type Record struct {
	Options Options         `json:"options"`
	Process process.Process `json:"process"`
}

// Attach takes hold of a node that another process started. The node may have ended since: ask Running.
func Attach(r Record) *Node { return &Node{options: r.Options, process: r.Process} }

// Start starts a node and waits until its API answers: sealed or uninitialised, too. If the node ends instead, the last
// lines of its log are in the error. A node started on a data directory with content comes up sealed.
func Start(ctx context.Context, o Options) (*Node, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("start vault node %q: %w", o.Name, err)
	}
	n, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start vault node %q: %w", o.Name, err)
	}
	return n, nil
}

func start(ctx context.Context, o Options) (*Node, error) {
	content, err := configFor(o)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.dataDir(), 0o700); err != nil {
		return nil, err
	}
	configFile := filepath.Join(o.Dir, "vault.json")
	if err := os.WriteFile(configFile, content, 0o600); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(o.LogFile, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	before, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	running, exited, err := launch(o, configFile, log)
	if err != nil {
		return nil, err
	}
	n := &Node{options: o, process: running, exited: exited}
	if err := n.awaitAPI(ctx); err != nil {
		return nil, errors.Join(err, n.Kill(), saidSince(log, before))
	}
	return n, nil
}

// complete fills in what the caller left open and makes paths absolute: another process may use them later.
func (o Options) complete() (Options, error) {
	if o.Name == "" {
		return o, errors.New("option Name is missing")
	}
	if o.LogFile == "" {
		o.LogFile = filepath.Join(o.Dir, "vault.log")
	}
	for _, path := range []struct {
		option string
		value  *string
	}{
		{"Binary", &o.Binary}, {"Dir", &o.Dir}, {"LogFile", &o.LogFile},
		{"CertFile", &o.CertFile}, {"KeyFile", &o.KeyFile}, {"CAFile", &o.CAFile},
	} {
		if *path.value == "" {
			return o, fmt.Errorf("option %s is missing", path.option)
		}
		absolute, err := filepath.Abs(*path.value)
		if err != nil {
			return o, err
		}
		*path.value = absolute
	}
	// Both are held until both are known, so that they differ. Binding a given address finds out whether a stranger
	// sits there, who would otherwise answer in the node's place.
	for _, address := range []*string{&o.Address, &o.ClusterAddress} {
		listener, err := hold(*address)
		if err != nil {
			return o, err
		}
		defer listener.Close()
		*address = listener.Addr().String()
	}
	return o, nil
}

// Options are those the node was started with, with the addresses it got. Start with them starts the node again.
func (n *Node) Options() Options { return n.options }

// Record is what Attach takes.
func (n *Node) Record() Record { return Record{Options: n.options, Process: n.process} }

// URL is the base of the node's API: "https://127.0.0.1:PORT".
func (n *Node) URL() string { return "https://" + n.options.Address }

// Running reports whether the node's process is there.
func (n *Node) Running() bool { return n.process.Running() }

// Stop shuts the node down cleanly, or kills it when that takes more than fifteen seconds. It returns when the process
// has ended; a node that has ended already is no error.
func (n *Node) Stop() error { return n.end(unix.SIGTERM) }

// Kill ends the node at once, as a dying host does. It returns when the process has ended.
func (n *Node) Kill() error { return n.end(unix.SIGKILL) }

func (n *Node) end(signal unix.Signal) error {
	if err := n.process.End(signal, stopGrace); err != nil {
		return fmt.Errorf("end vault node %q: %w", n.options.Name, err)
	}
	if n.exited != nil {
		<-n.exited
	}
	return nil
}

// Wipe empties the data directory of a node that has ended: what is left of it is a fresh host.
func (n *Node) Wipe() error {
	if n.Running() {
		return fmt.Errorf("vault node %q is running: stop it before its data is wiped", n.options.Name)
	}
	entries, err := os.ReadDir(n.options.dataDir())
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(n.options.dataDir(), entry.Name())); err != nil {
			return err
		}
	}
	return nil
}
