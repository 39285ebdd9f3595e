package vaultserver

import (
	"encoding/json"
)

// config is the configuration file of one node, in Vault's JSON syntax. The slim server reads exactly these keys, and
// its tests prove that Vault's own parser reads them the same way.
type config struct {
	Storage struct {
		Raft raftStorage `json:"raft"`
	} `json:"storage"`
	Listener struct {
		TCP tcpListener `json:"tcp"`
	} `json:"listener"`
	// Seal has one key at most, the seal's type; its parameters come from the environment.
	Seal         map[string]struct{} `json:"seal,omitempty"`
	APIAddr      string              `json:"api_addr"`
	ClusterAddr  string              `json:"cluster_addr"`
	DisableMlock bool                `json:"disable_mlock"`
	LogLevel     string              `json:"log_level"`
}

type raftStorage struct {
	Path                  string `json:"path"`
	NodeID                string `json:"node_id"`
	PerformanceMultiplier int    `json:"performance_multiplier"`
}

type tcpListener struct {
	Address            string `json:"address"`
	ClusterAddress     string `json:"cluster_address"`
	TLSCertFile        string `json:"tls_cert_file"`
	TLSKeyFile         string `json:"tls_key_file"`
	HTTPReadTimeout    string `json:"http_read_timeout"`
	MaxRequestDuration string `json:"max_request_duration"`
}

// requestTime bounds one request. Vault's defaults, 30 s to read a body and 90 s in all, end a big restore halfway.
const requestTime = "15m"

// configFor is the configuration of a node with these options, whose addresses are known by now.
func configFor(o Options) ([]byte, error) {
	var c config
	c.Storage.Raft = raftStorage{
		Path:                  o.dataDir(),
		NodeID:                o.Name,
		PerformanceMultiplier: 1, // elects a leader in 1.6 s instead of 8: nothing here waits for a slow network
	}
	c.Listener.TCP = tcpListener{
		Address:            o.Address,
		ClusterAddress:     o.ClusterAddress,
		TLSCertFile:        o.CertFile,
		TLSKeyFile:         o.KeyFile,
		HTTPReadTimeout:    requestTime,
		MaxRequestDuration: requestTime,
	}
	if o.Seal != "" {
		c.Seal = map[string]struct{}{o.Seal: {}}
	}
	c.APIAddr = "https://" + o.Address
	c.ClusterAddr = "https://" + o.ClusterAddress
	c.DisableMlock = true // a test machine need not grant CAP_IPC_LOCK
	c.LogLevel = "info"
	data, err := json.MarshalIndent(c, "", "  ")
	return append(data, '\n'), err
}
