//go:build platform

package vault

import (
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

func TestRealSecrets(t *testing.T) {
	r := start(t)
	ctx := t.Context()
	s, _ := r.lead(t, Seal{Type: shamir, Shares: 1, Threshold: 1})
	r.mount(t, s, "smtp")
	r.mount(t, s, "a/nested mount")
	if paths := must(s.ListSecrets(ctx, "smtp/")); len(paths) != 0 {
		t.Errorf("an empty mount lists %q", paths)
	}
	names := []string{
		"admin", "tenant", "tenant/admin", "tenant/deep/deeper/admin", "with space/and more", "per%cent", "100%25", "a+b",
		"grüße/日本", "q?x=1", "hash#tag", "semi;colon", "a&b=c", `quote"s`, "back\\slash", "co:lon", "dot.ted/..hidden", "tilde~",
	}
	for _, mount := range []string{"smtp/", "a/nested mount/"} {
		for _, name := range names {
			put(t, s, mount[:len(mount)-1], name, map[string]any{"name": name, "n": 12345678901234567})
		}
		got := must(s.ListSecrets(ctx, mount))
		slices.Sort(got)
		if want := slices.Sorted(slices.Values(names)); !slices.Equal(got, want) {
			t.Errorf("%s lists %q,\nwant %q", mount, got, want)
		}
		for _, name := range names {
			found, err := s.ReadSecret(ctx, mount, name, 0)
			if err != nil || found == nil || found.Data["name"] != name || found.Version != 1 || found.Gone {
				t.Errorf("%s%s: %+v, %v", mount, name, found, err)
			}
		}
	}

	kv := s.api.KVv2("smtp")
	read := func(path string, version int) *Secret {
		t.Helper()
		found, err := s.ReadSecret(ctx, "smtp/", path, version)
		if err != nil {
			t.Errorf("%s, version %d: %v", path, version, err)
		}
		return found
	}
	put(t, s, "smtp", "v", map[string]any{"v": "1"})
	put(t, s, "smtp", "v", map[string]any{"v": "2"})
	put(t, s, "smtp", "v", map[string]any{"v": "3"})
	if found := read("v", 0); found.Version != 3 || found.Data["v"] != "3" || time.Since(found.CreatedTime).Abs() > time.Minute {
		t.Errorf("current: %+v", found)
	}
	if found := read("v", 1); found.Version != 1 || found.Data["v"] != "1" {
		t.Errorf("version 1: %+v", found)
	}
	if err := kv.Destroy(ctx, "v", []int{1}); err != nil {
		t.Fatal(err)
	}
	if found := read("v", 1); found == nil || !found.Gone || found.Version != 1 || found.CreatedTime.IsZero() {
		t.Errorf("destroyed version: %+v", found)
	}
	if err := kv.DeleteVersions(ctx, "v", []int{2}); err != nil {
		t.Fatal(err)
	}
	if found := read("v", 2); found == nil || !found.Gone || found.Version != 2 {
		t.Errorf("deleted version: %+v", found)
	}
	if found := read("v", 0); found == nil || found.Gone {
		t.Errorf("current beside deleted ones: %+v", found)
	}
	if found := must(s.CurrentVersion(ctx, "smtp/", "v")); found == nil || found.Gone || found.Version != 3 || found.Data != nil || found.CreatedTime.IsZero() {
		t.Errorf("current, without its data: %+v", found)
	}
	if found := must(s.CurrentVersion(ctx, "smtp/", "never-there")); found != nil {
		t.Errorf("a secret that was never there: %+v", found)
	}
	if err := s.PutSecret(ctx, "smtp/", "w", map[string]any{"w": "1"}); err != nil {
		t.Fatal(err)
	}
	if err := s.PutSecret(ctx, "smtp/", "w", map[string]any{"w": "2"}); err != nil {
		t.Fatal(err)
	}
	if found := read("w", 0); found == nil || found.Version != 2 || found.Data["w"] != "2" {
		t.Errorf("written over: %+v", found)
	}
	if err := kv.Delete(ctx, "v"); err != nil {
		t.Fatal(err)
	}
	if found := must(s.CurrentVersion(ctx, "smtp/", "v")); found == nil || !found.Gone || found.Version != 3 {
		t.Errorf("deleted, without its data: %+v", found)
	}
	if found := read("v", 0); found == nil || !found.Gone || found.Version != 3 || found.Data != nil || found.CreatedTime.IsZero() {
		t.Errorf("deleted: %+v", found)
	}
	if err := kv.Destroy(ctx, "v", []int{3}); err != nil {
		t.Fatal(err)
	}
	if found := read("v", 0); found == nil || !found.Gone || found.Version != 3 {
		t.Errorf("destroyed: %+v", found)
	}
	if !slices.Contains(must(s.ListSecrets(ctx, "smtp/")), "v") {
		t.Error("a secret whose versions are gone is not listed")
	}
	if found := read("v", 9); found != nil {
		t.Errorf("a version that never was: %+v", found)
	}
	if err := kv.DeleteMetadata(ctx, "v"); err != nil {
		t.Fatal(err)
	}
	if found := read("v", 0); found != nil {
		t.Errorf("metadata deleted: %+v", found)
	}
	put(t, s, "smtp", "empty", map[string]any{})
	if found := read("empty", 0); found == nil || found.Gone || len(found.Data) != 0 {
		t.Errorf("empty: %+v", found)
	}
	if err := kv.PutMetadata(ctx, "later", api.KVMetadataPutInput{DeleteVersionAfter: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if found := read("later", 0); found != nil {
		t.Errorf("a secret without a version: %+v", found)
	}
	put(t, s, "smtp", "later", map[string]any{"v": "1"})
	if found := read("later", 0); found == nil || found.Gone || found.Data["v"] != "1" {
		t.Errorf("to be deleted in an hour: %+v", found)
	}
	if found, err := s.ReadSecret(ctx, "nowhere/", "x", 0); found != nil || err != nil {
		t.Errorf("no such mount: %+v, %v", found, err)
	}
}
