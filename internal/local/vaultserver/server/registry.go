package main

import (
	"maps"
	"slices"

	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/audit"
	"github.com/hashicorp/vault/builtin/credential/approle"
	awsauth "github.com/hashicorp/vault/builtin/credential/aws"
	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
)

var (
	secretEngines = map[string]logical.Factory{"kv": kv.Factory, "transit": transit.Factory}
	authMethods   = map[string]logical.Factory{"approle": approle.Factory, "aws": awsauth.Factory}
	auditDevices  = map[string]audit.Factory{"file": audit.NewFileBackend}
)

// builtins is Vault's catalogue of built-in plugins, reduced to ours. Without one, Vault's core panics on the first
// mount. Vault's own catalogue (helper/builtinplugins) would link every plugin there is.
type builtins map[consts.PluginType]map[string]logical.Factory

var registry = builtins{
	consts.PluginTypeSecrets:    secretEngines,
	consts.PluginTypeCredential: authMethods,
}

func (b builtins) Contains(name string, kind consts.PluginType) bool {
	_, ok := b[kind][name]
	return ok
}

// Get returns a function whose result is the logical.Factory itself: so the core expects it of in-process plugins.
func (b builtins) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	factory, ok := b[kind][name]
	return func() (any, error) { return factory, nil }, ok
}

func (b builtins) Keys(kind consts.PluginType) []string {
	return slices.Sorted(maps.Keys(b[kind]))
}

func (b builtins) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, b.Contains(name, kind)
}

func (builtins) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
