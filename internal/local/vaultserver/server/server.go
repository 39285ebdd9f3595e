package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/physical/raft"
	"github.com/hashicorp/vault/sdk/physical"
	"github.com/hashicorp/vault/vault"
	"github.com/hashicorp/vault/version"
)

// Vault's own limits for a request, used where the configuration says nothing (command/server.go, vault/core.go).
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	idleTimeout       = 5 * time.Minute
)

// serve runs one Vault node until ctx ends, then closes the listener, seals the core and lets go of its storage.
func serve(ctx context.Context, c config, stdout, stderr io.Writer) error {
	logger := hclog.New(&hclog.LoggerOptions{
		Level:  hclog.LevelFromString(c.LogLevel),
		Output: stderr,
	})
	core, err := newCore(ctx, c, logger)
	if err != nil {
		return err
	}
	listener, err := listen(c.Listener.TCP)
	if err != nil {
		return errors.Join(err, core.Shutdown())
	}
	api := &http.Server{
		Handler: vaulthttp.Handler.Handler(&vault.HandlerProperties{
			Core: core,
			ListenerConfig: &configutil.Listener{
				Type:               "tcp",
				Address:            c.Listener.TCP.Address,
				MaxRequestDuration: time.Duration(c.Listener.TCP.MaxRequestDuration),
			},
		}),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          logger.StandardLogger(nil),
	}
	if limit := time.Duration(c.Listener.TCP.HTTPReadTimeout); limit > 0 {
		api.ReadTimeout = limit
	}
	fmt.Fprintf(stdout, "==> Vault v%s started, API at %s\n", version.GetVersion().VersionNumber(), c.APIAddr)

	if c.Seal.Transit != nil {
		go openByItself(ctx, core, logger)
	}
	served := make(chan error, 1)
	go func() { served <- api.Serve(listener) }()
	select {
	case err = <-served:
		err = fmt.Errorf("serve the API: %w", err)
	case <-ctx.Done():
		fmt.Fprintln(stdout, "==> Vault shutdown triggered")
	}
	return errors.Join(err, api.Close(), core.Shutdown())
}

func newCore(ctx context.Context, c config, logger hclog.Logger) (*vault.Core, error) {
	storage, err := raft.NewRaftBackend(c.Storage.Raft.parameters(), logger.Named("storage.raft"))
	if err != nil {
		return nil, fmt.Errorf("raft storage: %w", err)
	}
	clusterAddress, err := net.ResolveTCPAddr("tcp", c.Listener.TCP.ClusterAddress)
	if err != nil {
		return nil, fmt.Errorf("cluster_address: %w", err)
	}
	seal, err := newSeal(ctx, c, logger)
	if err != nil {
		return nil, err
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Seal:               seal,
		Physical:           storage,
		HAPhysical:         storage.(physical.HABackend), // leadership is raft's as well
		StorageType:        "raft",
		RedirectAddr:       c.APIAddr,
		ClusterAddr:        c.ClusterAddr,
		DisableMlock:       *c.DisableMlock,
		Logger:             logger,
		LogLevel:           c.LogLevel,
		BuiltinRegistry:    registry,
		LogicalBackends:    secretEngines,
		CredentialBackends: authMethods,
		AuditBackends:      auditDevices,
	})
	if err != nil {
		return nil, fmt.Errorf("vault core: %w", err)
	}
	// Both before the first unseal: a core that leads without them never opens its cluster port.
	core.SetClusterListenerAddrs([]*net.TCPAddr{clusterAddress})
	core.SetClusterHandler(vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core:           core,
		ListenerConfig: &configutil.Listener{},
	}))
	return core, nil
}

// parameters is the storage stanza as the raft backend takes it: text only.
func (r raftStorage) parameters() map[string]string {
	p := map[string]string{"path": r.Path, "node_id": r.NodeID}
	if r.PerformanceMultiplier != "" {
		p["performance_multiplier"] = r.PerformanceMultiplier.String()
	}
	return p
}

func listen(l tcpListener) (net.Listener, error) {
	certificate, err := tls.LoadX509KeyPair(l.TLSCertFile, l.TLSKeyFile)
	if err != nil {
		return nil, fmt.Errorf("listener certificate: %w", err)
	}
	listener, err := tls.Listen("tcp", l.Address, &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
	})
	if err != nil {
		return nil, fmt.Errorf("listener: %w", err)
	}
	return listener, nil
}
