package vault

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// WriteSecret writes the version after cas; 0 is for a secret that has none yet. ok is false where the secret is at another
// version: somebody else wrote it, so read it again. A version that was destroyed counts, and so does a deleted one.
func (s *Session) WriteSecret(ctx context.Context, mount, path string, cas int, data map[string]any) (version int, ok bool, err error) {
	written, err := s.kv(mount).Put(ctx, path, data, api.WithCheckAndSet(cas))
	switch {
	case isConflict(err):
		return 0, false, nil
	case err != nil:
		return 0, false, named(err, "write "+mount+path)
	case written.VersionMetadata == nil || written.VersionMetadata.Version != cas+1:
		return 0, false, fault.VaultRefused.Errorf("write %s%s: the answer has another version than %d", mount, path, cas+1)
	}
	return cas + 1, true, nil
}

// PutSecret writes the next version, whatever the secret holds.
func (s *Session) PutSecret(ctx context.Context, mount, path string, data map[string]any) error {
	_, err := s.kv(mount).Put(ctx, path, data)
	return named(err, "write "+mount+path)
}

// isConflict: "check-and-set parameter did not match the current version" has no status of its own.
func isConflict(err error) bool {
	var answer *api.ResponseError
	return errors.As(err, &answer) && answer.StatusCode == http.StatusBadRequest &&
		slices.ContainsFunc(answer.Errors, func(text string) bool { return strings.Contains(text, "check-and-set parameter did not match") })
}

// DestroyVersions destroys every version up to this one, and counts those that were still there. A version's number is
// never given to another one, so a late call destroys nothing that came after it.
func (s *Session) DestroyVersions(ctx context.Context, mount, path string, last int) (destroyed int, err error) {
	kv := s.kv(mount)
	found, err := kv.GetMetadata(ctx, path)
	if isNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, named(err, "read the versions of "+mount+path)
	}
	var old []int
	for _, v := range found.Versions {
		if v.Version <= last && !v.Destroyed {
			old = append(old, v.Version)
		}
	}
	if len(old) == 0 {
		return 0, nil
	}
	slices.Sort(old)
	if err := kv.Destroy(ctx, path, old); err != nil {
		return 0, named(err, "destroy old versions of "+mount+path)
	}
	return len(old), nil
}

// Annotate adds to a secret's custom metadata, which belongs to all of its versions and outlives them, and removes the keys
// that have no value. Vault takes 64 keys at most.
func (s *Session) Annotate(ctx context.Context, mount, path string, notes map[string]string) error {
	patch := map[string]any{}
	for key, value := range notes {
		patch[key] = value
		if value == "" {
			patch[key] = nil
		}
	}
	err := s.kv(mount).PatchMetadata(ctx, path, api.KVMetadataPatchInput{CustomMetadata: patch})
	return named(err, "annotate "+mount+path)
}

// Annotations are a secret's custom metadata; none for a secret that is not there.
func (s *Session) Annotations(ctx context.Context, mount, path string) (map[string]string, error) {
	found, err := s.kv(mount).GetMetadata(ctx, path)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, named(err, "read the annotations of "+mount+path)
	}
	notes := map[string]string{}
	for key, value := range found.CustomMetadata {
		notes[key], _ = value.(string)
	}
	return notes, nil
}

func (s *Session) kv(mount string) *api.KVv2 { return s.api.KVv2(strings.TrimSuffix(mount, "/")) }
