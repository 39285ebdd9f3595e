package restore

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// Undone is what a restore over a live Vault would take back.
type Undone struct {
	// Written counts secrets that are newer than in the backup, or not in it; Deleted those that come back.
	Written int `json:"written"`
	Deleted int `json:"deleted"`
	// Paths are the first twenty of both, sorted.
	Paths []string `json:"paths"`
	// AgeSeconds is how old the backup's data is: what was changed beside the secrets in that time is undone as well.
	AgeSeconds float64 `json:"age_seconds"`
}

// Versions is what counting reads of Vault: no secret. *vault.Session is one.
type Versions interface {
	Mounts(context.Context) (map[string]string, error)
	ListSecrets(ctx context.Context, mount string) ([]string, error)
	CurrentVersion(ctx context.Context, mount, path string) (*vault.Secret, error)
}

// undone holds the current version of every secret against the inventory.
func undone(ctx context.Context, v Versions, then inventory.Inventory) (Undone, error) {
	saved := map[string]inventory.Secret{}
	for _, s := range then.Secrets {
		saved[s.Mount+s.Path] = s
	}
	there, err := listAll(ctx, v)
	if err != nil {
		return Undone{}, err
	}
	var (
		mu    sync.Mutex
		out   Undone
		paths []string
	)
	note := func(path string, count *int) {
		mu.Lock()
		defer mu.Unlock()
		*count++
		paths = append(paths, path)
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(inventory.Workers)
	for at, in := range there {
		was, known := saved[at]
		group.Go(func() error {
			now, err := v.CurrentVersion(gctx, in.mount, in.path)
			if err != nil {
				return err
			}
			gone := now == nil || now.Gone
			switch {
			case gone && known && !was.Gone:
				note(at, &out.Deleted)
			case !gone && (!known || now.Version != was.Version || !now.CreatedTime.Equal(was.CreatedTime)):
				note(at, &out.Written)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Undone{}, err
	}
	for path, was := range saved {
		if _, listed := there[path]; !listed && !was.Gone {
			note(path, &out.Deleted)
		}
	}
	slices.Sort(paths)
	out.Paths = append([]string{}, paths[:min(len(paths), maxNamed)]...)
	return out, nil
}

// place is where a secret lies.
type place struct{ mount, path string }

// listAll names the secrets of every KV v2 mount, by their whole path.
func listAll(ctx context.Context, v Versions) (map[string]place, error) {
	mounts, err := v.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]place{}
	for mount, kind := range mounts {
		if kind != "kv-v2" {
			continue
		}
		paths, err := v.ListSecrets(ctx, mount)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			all[mount+path] = place{mount, path}
		}
	}
	return all, nil
}
