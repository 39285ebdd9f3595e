package credential_test

import (
	"context"
	"maps"
	"strconv"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/credential"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// mutants are mistakes that the model must see. Each stands between a run and its world, so that the product's code knows
// nothing of it.
var mutants = map[string]mutant{
	"commit before test": func(_ *scenario, s sides) sides {
		s.untested = true
		return s
	},
	"a pending credential is not bound to a version": func(w *scenario, s sides) sides {
		s.vault = rebound{s.vault, func(data map[string]any) {
			data["based_on_version"] = strconv.Itoa(len(w.vault[adminPath].versions))
		}}
		return s
	},
	"a pending credential is not bound to the registry": func(w *scenario, s sides) sides {
		s.vault = rebound{s.vault, func(data map[string]any) { data["replaces"] = w.registry.CredentialID }}
		return s
	},
	"older versions are left readable": func(_ *scenario, s sides) sides {
		s.vault = hoarding{s.vault}
		return s
	},
	"a pending secret is deleted": func(w *scenario, s sides) sides {
		s.vault = deleting{s.vault, w}
		return s
	},
	"the hash is not looked at once more": func(w *scenario, s sides) sides {
		s.mailbox = trusting{s.mailbox, w}
		return s
	},
}

func TestMistakesAreSeen(t *testing.T) {
	for name, m := range mutants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			played, broken := explore(1, m)
			if broken == nil {
				var more int
				more, broken = explore(2, m)
				played += more
			}
			if broken == nil {
				var more int
				more, broken = random(20_000, m)
				played += more
			}
			if broken == nil {
				t.Fatalf("%d interleavings, and none shows it", played)
			}
			t.Logf("interleaving %d: %s", played, broken.broken)
		})
	}
}

// rebound changes what a pending credential says of itself.
type rebound struct {
	credential.Vault
	change func(map[string]any)
}

func (v rebound) ReadSecret(ctx context.Context, mount, path string, version int) (*vault.Secret, error) {
	found, err := v.Vault.ReadSecret(ctx, mount, path, version)
	if path == pendingPath && found != nil && found.Data != nil {
		found.Data = maps.Clone(found.Data)
		v.change(found.Data)
	}
	return found, err
}

type hoarding struct{ credential.Vault }

func (hoarding) DestroyVersions(context.Context, string, string, int) (int, error) { return 0, nil }

// deleting removes a pending secret by its metadata, which has no check-and-set.
type deleting struct {
	credential.Vault
	world *scenario
}

func (v deleting) DestroyVersions(ctx context.Context, mount, path string, last int) (int, error) {
	destroyed, err := v.Vault.DestroyVersions(ctx, mount, path, last)
	if err == nil && path == pendingPath {
		delete(v.world.vault, pendingPath)
	}
	return destroyed, err
}

// trusting looks, and believes that what is committed is on the server.
type trusting struct {
	credential.Mailbox
	world *scenario
}

func (m trusting) Has(ctx context.Context, username string, password secret.String) (bool, error) {
	has, err := m.Mailbox.Has(ctx, username, password)
	return has || m.world.current() == password.Reveal(), err
}
