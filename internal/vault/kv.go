package vault

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Secret is one version of one KV v2 secret.
type Secret struct {
	// Data holds strings, json.Numbers, booleans, objects and lists, as Vault decodes them.
	Data map[string]any
	// Version counts from 1.
	Version int
	// CreatedTime is Vault's clock when this version was written.
	CreatedTime time.Time
	// Gone: this version was deleted or destroyed, so that Data is empty.
	Gone bool
}

// ListSecrets names every secret below a KV v2 mount ("smtp/"), in the order in which Vault walks: folders as deep as
// they go. Paths are relative to the mount.
func (s *Session) ListSecrets(ctx context.Context, mount string) ([]string, error) {
	var paths []string
	folders := []string{""}
	for len(folders) > 0 {
		folder := folders[0]
		folders = folders[1:]
		answer, err := s.api.Logical().ListWithContext(ctx, mount+"metadata/"+folder)
		if err != nil {
			return nil, named(err, "list the secrets below "+mount)
		}
		if answer == nil {
			continue // an empty mount is a 404, which vault/api turns into nothing
		}
		keys, _ := answer.Data["keys"].([]any)
		for _, k := range keys {
			name, ok := k.(string)
			switch {
			case !ok:
				return nil, fault.VaultRefused.Errorf("list the secrets below %s: a key is no string", mount)
			case strings.HasSuffix(name, "/"):
				folders = append(folders, folder+name)
			default:
				paths = append(paths, folder+name)
			}
		}
	}
	return paths, nil
}

// ReadSecret reads one version of a secret; version 0 is the current one. A secret that is not there is nil, without an
// error; a deleted version is Gone.
func (s *Session) ReadSecret(ctx context.Context, mount, path string, version int) (*Secret, error) {
	kv := s.kv(mount)
	read := kv.Get
	if version > 0 {
		read = func(ctx context.Context, path string) (*api.KVSecret, error) {
			return kv.GetVersion(ctx, path, version)
		}
	}
	answer, err := read(ctx, path)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, named(err, "read "+mount+path)
	}
	m := answer.VersionMetadata
	if m == nil || m.Version < 1 || m.CreatedTime.IsZero() {
		return nil, fault.VaultRefused.Errorf("read %s%s: the answer has no version", mount, path)
	}
	// A deletion time alone says nothing: it may lie ahead.
	gone := m.Destroyed || !m.DeletionTime.IsZero() && answer.Data == nil
	if !gone && answer.Data == nil {
		return nil, fault.VaultRefused.Errorf("read %s%s: the answer has no data", mount, path)
	}
	return &Secret{Data: answer.Data, Version: m.Version, CreatedTime: m.CreatedTime, Gone: gone}, nil
}

// CurrentVersion reads which version of a secret is the current one, without its data: Data is empty, and Gone is as for
// ReadSecret. A secret that is not there is nil, without an error.
func (s *Session) CurrentVersion(ctx context.Context, mount, path string) (*Secret, error) {
	found, err := s.kv(mount).GetMetadata(ctx, path)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, named(err, "read the versions of "+mount+path)
	}
	current, there := found.Versions[strconv.Itoa(found.CurrentVersion)]
	if !there { // it was made for its metadata alone
		return nil, nil
	}
	// A deletion may also be planned, for a time that lies far ahead.
	gone := current.Destroyed || !current.DeletionTime.IsZero() && current.DeletionTime.Before(time.Now())
	return &Secret{Version: current.Version, CreatedTime: current.CreatedTime, Gone: gone}, nil
}

func isNotFound(err error) bool {
	var answer *api.ResponseError
	return errors.Is(err, api.ErrSecretNotFound) || errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
