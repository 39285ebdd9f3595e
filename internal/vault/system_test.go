package vault

import (
	"maps"
	"slices"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

func TestSystem(t *testing.T) {
	n := vaulttest.Start(t)
	s := loggedIn(t, n)
	ctx := t.Context()
	n.On("GET sys/mounts", vaulttest.JSON(200, `{"data":{
		"smtp/":{"type":"kv","options":{"version":"2"}},"old/":{"type":"kv","options":{"version":"1"}},
		"older/":{"type":"kv","options":null},"transit/":{"type":"transit","options":null}}}`))
	if got, err := s.Mounts(ctx); err != nil || !maps.Equal(got, map[string]string{
		"smtp/": "kv-v2", "old/": "kv-v1", "older/": "kv-v1", "transit/": "transit",
	}) {
		t.Errorf("Mounts = %v, %v", got, err)
	}
	n.On("GET sys/auth", vaulttest.JSON(200, `{"data":{"aws/":{"type":"aws"},"token/":{"type":"token"}}}`))
	if got, err := s.AuthMethods(ctx); err != nil || !maps.Equal(got, map[string]string{"aws/": "aws", "token/": "token"}) {
		t.Errorf("AuthMethods = %v, %v", got, err)
	}
	n.On("GET auth/aws/role", vaulttest.JSON(200, `{"data":{"keys":["two","one"]}}`))
	if got, err := s.AuthRoles(ctx, "aws/"); err != nil || !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("AuthRoles = %v, %v", got, err)
	}
	if got, err := s.AuthRoles(ctx, "approle/"); err != nil || len(got) != 0 {
		t.Errorf("AuthRoles without any = %v, %v", got, err)
	}
	n.On("GET sys/audit", vaulttest.JSON(200, `{"data":{"socket/":{"type":"socket"},"file/":{"type":"file"}}}`))
	if got, err := s.AuditDevices(ctx); err != nil || !slices.Equal(got, []string{"file/", "socket/"}) {
		t.Errorf("AuditDevices = %v, %v", got, err)
	}
	n.On("GET sys/leader", vaulttest.JSON(200, `{"ha_enabled":true,"is_self":true,"raft_committed_index":44,"raft_applied_index":42}`))
	if got, err := s.RaftIndex(ctx); err != nil || got != 42 {
		t.Errorf("RaftIndex = %v, %v", got, err)
	}
	n.On("GET sys/policies/acl", vaulttest.JSON(200, `{"data":{"keys":["root","one"]}}`))
	n.On("GET sys/policies/acl/one", vaulttest.JSON(200, `{"data":{"name":"one","policy":"path \"x\" {}"}}`))
	n.On("GET sys/policies/acl/root", vaulttest.JSON(200, `{"data":{"name":"root","policy":""}}`))
	if got, err := s.Policies(ctx); err != nil || !maps.Equal(got, map[string]string{"one": `path "x" {}`, "root": ""}) {
		t.Errorf("Policies = %v, %v", got, err)
	}
	n.On("GET sys/policies/acl/one", vaulttest.JSON(403, `{"errors":["permission denied"]}`))
	got, err := s.Policies(ctx)
	wantFault(t, "a policy that may not be read", err, fault.VaultRefused)
	if got != nil {
		t.Errorf("half of the policies: %v", got)
	}
}
