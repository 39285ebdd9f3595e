package vault

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// Mounts lists the secret engines by path ("smtp/") with their type: "kv-v2", "transit", …
func (s *Session) Mounts(ctx context.Context) (map[string]string, error) {
	mounts, err := s.api.Sys().ListMountsWithContext(ctx)
	if err != nil {
		return nil, named(err, "list the mounts")
	}
	out := make(map[string]string, len(mounts))
	for path, m := range mounts {
		kind := m.Type
		if kind == "kv" {
			kind = "kv-v" + max(m.Options["version"], "1")
		}
		out[path] = kind
	}
	return out, nil
}

// AuthMethods lists the auth methods by path ("aws/") with their type.
func (s *Session) AuthMethods(ctx context.Context) (map[string]string, error) {
	methods, err := s.api.Sys().ListAuthWithContext(ctx)
	if err != nil {
		return nil, named(err, "list the auth methods")
	}
	out := make(map[string]string, len(methods))
	for path, m := range methods {
		out[path] = m.Type
	}
	return out, nil
}

// AuthRoles names the roles of an auth method, sorted. Methods without roles (token, userpass) have none.
func (s *Session) AuthRoles(ctx context.Context, method string) ([]string, error) {
	return s.list(ctx, "auth/"+method+"role")
}

// AuditDevices lists the paths of the audit devices, sorted. A node whose audit devices cannot open seals itself
// after unsealing, so a backup remembers which there were.
func (s *Session) AuditDevices(ctx context.Context) ([]string, error) {
	devices, err := s.api.Sys().ListAuditWithContext(ctx)
	if err != nil {
		return nil, named(err, "list the audit devices")
	}
	return slices.Sorted(maps.Keys(devices)), nil
}

// Policies returns every ACL policy by name with its text; root has none.
func (s *Session) Policies(ctx context.Context) (map[string]string, error) {
	names, err := s.list(ctx, "sys/policies/acl")
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(names))
	for _, name := range names {
		if out[name], err = s.api.Sys().GetPolicyWithContext(ctx, name); err != nil {
			return nil, named(err, "read the policy "+name)
		}
	}
	return out, nil
}

// RaftIndex is the index that the leader has applied: a lower bound for a snapshot taken afterwards.
func (s *Session) RaftIndex(ctx context.Context) (uint64, error) {
	leader, err := s.api.Sys().LeaderWithContext(ctx)
	if err != nil {
		return 0, named(err, "read the raft index")
	}
	return leader.RaftAppliedIndex, nil
}

func (s *Session) list(ctx context.Context, path string) ([]string, error) {
	answer, err := s.api.Logical().ListWithContext(ctx, path)
	if err != nil {
		return nil, named(err, "list "+path)
	}
	if answer == nil {
		return nil, nil
	}
	keys, _ := answer.Data["keys"].([]any)
	names := make([]string, 0, len(keys))
	for _, k := range keys {
		if name, ok := k.(string); ok {
			names = append(names, strings.TrimSuffix(name, "/"))
		}
	}
	slices.Sort(names)
	return names, nil
}
