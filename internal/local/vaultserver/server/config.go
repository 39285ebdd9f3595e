package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// config is the part of Vault's configuration that the local platform uses, in Vault's JSON syntax
// (https://developer.hashicorp.com/vault/docs/configuration). A key outside it is an error and not ignored: the same
// file must mean the same to the `vault` binary.
type config struct {
	Storage struct {
		Raft raftStorage `json:"raft"`
	} `json:"storage"`
	Listener struct {
		TCP tcpListener `json:"tcp"`
	} `json:"listener"`
	Seal struct {
		Transit *transitSeal `json:"transit"` // nil is Shamir's seal, which people open with shares
	} `json:"seal"`
	APIAddr      string `json:"api_addr"`      // URL that standbys redirect clients to
	ClusterAddr  string `json:"cluster_addr"`  // URL that other nodes reach this one at
	DisableMlock *bool  `json:"disable_mlock"` // with raft, Vault insists on an explicit answer
	LogLevel     string `json:"log_level"`     // trace, debug, info (the default), warn, error
}

type raftStorage struct {
	Path                  string      `json:"path"`
	NodeID                string      `json:"node_id"`
	PerformanceMultiplier json.Number `json:"performance_multiplier"` // 1 elects fastest, Vault's default is 5
}

type tcpListener struct {
	Address            string   `json:"address"`
	ClusterAddress     string   `json:"cluster_address"`
	TLSCertFile        string   `json:"tls_cert_file"`
	TLSKeyFile         string   `json:"tls_key_file"`
	HTTPReadTimeout    duration `json:"http_read_timeout"`    // for a whole request body: bounds a restore
	MaxRequestDuration duration `json:"max_request_duration"` // for a whole request: bounds a restore too
}

// transitSeal keeps the key that opens this Vault in the transit engine of another one. Where that is, which key, and with
// which token comes from the environment, as with the `vault` binary: VAULT_ADDR, VAULT_CACERT, VAULT_TOKEN,
// VAULT_TRANSIT_SEAL_MOUNT_PATH and VAULT_TRANSIT_SEAL_KEY_NAME.
type transitSeal struct{}

// duration is a time span as text with a unit ("90s", "15m").
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	span, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	if span <= 0 {
		return fmt.Errorf("time span %q is not positive", text)
	}
	*d = duration(span)
	return nil
}

func loadConfig(file string) (config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return config{}, err
	}
	c, err := parseConfig(data)
	if err != nil {
		return config{}, fmt.Errorf("configuration %s: %w", file, err)
	}
	return c, nil
}

func parseConfig(data []byte) (config, error) {
	var c config
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return config{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return config{}, errors.New("something follows the JSON object")
	}
	return c, c.check()
}

// check finds what is missing. Vault has defaults for some of these keys; asking for all of them spares the reader of a
// configuration the knowledge of what they are.
func (c config) check() error {
	required := []struct{ key, value string }{
		{"storage.raft.path", c.Storage.Raft.Path},
		{"storage.raft.node_id", c.Storage.Raft.NodeID},
		{"listener.tcp.address", c.Listener.TCP.Address},
		{"listener.tcp.cluster_address", c.Listener.TCP.ClusterAddress},
		{"listener.tcp.tls_cert_file", c.Listener.TCP.TLSCertFile},
		{"listener.tcp.tls_key_file", c.Listener.TCP.TLSKeyFile},
		{"api_addr", c.APIAddr},
		{"cluster_addr", c.ClusterAddr},
	}
	for _, r := range required {
		if r.value == "" {
			return fmt.Errorf("%s is missing", r.key)
		}
	}
	if c.DisableMlock == nil {
		return errors.New("disable_mlock is missing: say true or false")
	}
	return nil
}
