package restore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

func (m *memory) CurrentVersion(ctx context.Context, mount, path string) (*vault.Secret, error) {
	found, err := m.ReadSecret(ctx, mount, path, 0)
	if err != nil || found == nil {
		return nil, err
	}
	bare := *found
	bare.Data = nil
	return &bare, nil
}

func TestUndone(t *testing.T) {
	was := func(path string, version int, gone bool) inventory.Secret {
		return inventory.Secret{Mount: "smtp/", Path: path, Version: version, CreatedTime: before, Gone: gone}
	}
	is := func(version int, created time.Time, gone bool) *vault.Secret {
		return &vault.Secret{Version: version, CreatedTime: created, Gone: gone}
	}
	then := inventory.Inventory{Secrets: []inventory.Secret{
		was("same", 2, false), was("gone then and now", 2, true), was("newer", 2, false), was("made anew", 1, false),
		was("deleted", 2, false), was("vanished", 2, false), was("metadata alone", 2, false), was("back again", 2, true), was("gone with its path", 2, true),
	}}
	v := &memory{secrets: map[string]map[string]*vault.Secret{"smtp/": {
		"same": is(2, before, false), "gone then and now": is(2, before, true), "newer": is(3, during, false), "made anew": is(1, during, false),
		"deleted": is(2, before, true), "metadata alone": nil, "back again": is(3, during, false),
		"unknown": is(1, during, false), "unknown and deleted": is(1, during, true),
	}, "vps/": {"of another mount": is(1, during, false)}}}
	got, err := undone(t.Context(), v, then)
	want := Undone{Written: 5, Deleted: 3, Paths: []string{
		"smtp/back again", "smtp/deleted", "smtp/made anew", "smtp/metadata alone", "smtp/newer", "smtp/unknown", "smtp/vanished", "vps/of another mount",
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("undone %+v, %v, want %+v", got, err, want)
	}

	many := &memory{secrets: map[string]map[string]*vault.Secret{"vps/": {}}}
	for i := range 300 {
		many.secrets["vps/"][fmt.Sprintf("%03d", i)] = is(1, during, false)
	}
	got, err = undone(t.Context(), many, inventory.Inventory{})
	if err != nil || got.Written != 300 || len(got.Paths) != maxNamed || got.Paths[0] != "vps/000" || !slices.IsSorted(got.Paths) {
		t.Errorf("undone %+v, %v", got, err)
	}
	if got, err := undone(t.Context(), &memory{}, inventory.Inventory{}); err != nil || got.Paths == nil || got.Written+got.Deleted != 0 {
		t.Errorf("nothing: %+v, %v", got, err)
	}
}

func TestUndoneIsCountedWhole(t *testing.T) {
	secrets := map[string]map[string]*vault.Secret{"smtp/": {"a/admin": {Version: 1, CreatedTime: during}}}
	for _, call := range []string{"Mounts", "List smtp/", "smtp/a/admin"} {
		v := &memory{secrets: maps.Clone(secrets), fail: map[string]error{call: errors.New("refused")}}
		if got, err := undone(t.Context(), v, inventory.Inventory{}); !errors.Is(err, v.fail[call]) || !reflect.DeepEqual(got, Undone{}) {
			t.Errorf("%s fails: %+v, %v", call, got, err)
		}
	}
}
