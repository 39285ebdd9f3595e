package inventory

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// Workers is how many secrets are read at once: enough to hide the round trips, few enough for a small Vault.
const Workers = 16

// Vault is what taking an inventory reads. *vault.Session is one.
type Vault interface {
	Mounts(context.Context) (map[string]string, error)
	AuthMethods(context.Context) (map[string]string, error)
	AuthRoles(ctx context.Context, method string) ([]string, error)
	AuditDevices(context.Context) ([]string, error)
	Policies(context.Context) (map[string]string, error)
	ListSecrets(ctx context.Context, mount string) ([]string, error)
	ReadSecret(ctx context.Context, mount, path string, version int) (*vault.Secret, error)
}

// Collect takes the inventory of everything that Vault holds. h says when and of which cluster; the salt is made here.
func Collect(ctx context.Context, v Vault, h Head) (Inventory, error) {
	salt := make([]byte, 32)
	if _, err := rand.Read(salt); err != nil {
		return Inventory{}, fault.Unexpected.Errorf("salt: %w", err)
	}
	h.Salt = hex.EncodeToString(salt)
	things, mounts, err := guards(ctx, v, h)
	if err != nil {
		return Inventory{}, err
	}
	inv := Inventory{Head: h, Things: things}
	for _, mount := range mounts {
		paths, err := v.ListSecrets(ctx, mount)
		if err != nil {
			return Inventory{}, err
		}
		secrets, err := readAll(ctx, v, h, mount, paths)
		if err != nil {
			return Inventory{}, err
		}
		inv.Secrets = append(inv.Secrets, secrets...)
	}
	slices.SortFunc(inv.Secrets, byMountAndPath)
	return inv, nil
}

// guards lists everything around the secrets, sorted, and the KV v2 mounts among them.
func guards(ctx context.Context, v Vault, h Head) (things []Thing, kv []string, err error) {
	mounts, err := v.Mounts(ctx)
	if err != nil {
		return nil, nil, err
	}
	for path, kind := range mounts {
		things = append(things, Thing{kindMount, path, kind})
		if kind == "kv-v2" {
			kv = append(kv, path)
		}
	}
	methods, err := v.AuthMethods(ctx)
	if err != nil {
		return nil, nil, err
	}
	for path, kind := range methods {
		things = append(things, Thing{kindAuth, path, kind})
		if kind != "aws" && kind != "approle" { // the methods whose roles let machines in
			continue
		}
		roles, err := v.AuthRoles(ctx, path)
		if err != nil {
			return nil, nil, err
		}
		for _, r := range roles {
			things = append(things, Thing{kindRole, path + r, ""})
		}
	}
	policies, err := v.Policies(ctx)
	if err != nil {
		return nil, nil, err
	}
	for name, text := range policies {
		print, err := h.Fingerprint(map[string]any{"policy": text})
		if err != nil {
			return nil, nil, fault.Unexpected.Errorf("policy %s: %w", name, err)
		}
		things = append(things, Thing{kindPolicy, name, print})
	}
	devices, err := v.AuditDevices(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range devices {
		things = append(things, Thing{kindAudit, d, ""})
	}
	slices.SortFunc(things, byKindAndName)
	slices.Sort(kv)
	return things, kv, nil
}

// readAll reads secrets with many workers. One that vanished between the listing and the reading is left out: it was
// deleted during the capture.
func readAll(ctx context.Context, v Vault, h Head, mount string, paths []string) ([]Secret, error) {
	var (
		mu      sync.Mutex
		secrets = make([]Secret, 0, len(paths))
	)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(Workers)
	for _, path := range paths {
		group.Go(func() error {
			found, err := v.ReadSecret(ctx, mount, path, 0)
			if err != nil || found == nil {
				return err
			}
			s := Secret{Mount: mount, Path: path, Version: found.Version, CreatedTime: found.CreatedTime, Gone: found.Gone}
			if !s.Gone {
				if s.Fingerprint, err = h.Fingerprint(found.Data); err != nil {
					return fault.Unexpected.Errorf("%s%s: %w", mount, path, err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			secrets = append(secrets, s)
			return nil
		})
	}
	err := group.Wait() // apart from the return: Go may read secrets before it calls Wait there
	return secrets, err
}
