//go:build platform

package vault

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
	"github.com/penguinmails/disaster-recovery/internal/raftsnapshot"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

const repoRoot = "../.."

// server builds the server once for all tests, in PMDR_CACHE or the repository's .cache.
var server = sync.OnceValues(func() (string, error) {
	cache := os.Getenv("PMDR_CACHE")
	if cache == "" {
		cache = filepath.Join(repoRoot, ".cache")
	}
	return vaultserver.Build(context.Background(), repoRoot, cache, slog.Default())
})

// real is a Vault of one node.
type real struct {
	*vaultserver.Node
	cluster *Cluster
}

// start starts an empty node, which ends with the test.
func start(t *testing.T) real {
	t.Helper()
	binary, err := server()
	if err != nil {
		t.Fatal(err)
	}
	authority, err := vaultserver.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return run(t, vaultserver.Options{
		Binary: binary, Dir: t.TempDir(), Name: "vault-1", Attached: true,
		CertFile: authority.CertFile, KeyFile: authority.KeyFile, CAFile: authority.CAFile,
	})
}

func run(t *testing.T, o vaultserver.Options) real {
	t.Helper()
	node, err := vaultserver.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Stop(); err != nil {
			t.Error(err)
		}
	})
	ca, err := os.ReadFile(o.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := Open(Config{
		Nodes: []string{node.URL()}, CACertificate: base64.StdEncoding.EncodeToString(ca), ServerID: "vault.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	return real{node, cluster}
}

func (r real) node() *Node { return r.cluster.Nodes()[0] }

func (r real) is(t *testing.T, want State) Health {
	t.Helper()
	var got Health
	eventually(t, "the node is "+string(want), func() bool {
		got = r.node().Health(t.Context())
		return got.State == want
	})
	return got
}

// lead initialises and opens the node, and returns a session as root.
func (r real) lead(t *testing.T, seal Seal) (*Session, Keys) {
	t.Helper()
	keys := must(r.node().Initialize(t.Context(), seal))
	if err := r.node().Unseal(t.Context(), keys.Shares[:seal.Threshold]); err != nil {
		t.Fatal(err)
	}
	r.is(t, Active)
	return must(r.node().AsRoot(keys)), keys
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within 30 s", what)
		case <-poll.C:
		}
	}
}

func (r real) mount(t *testing.T, s *Session, path string) {
	t.Helper()
	err := s.api.Sys().MountWithContext(t.Context(), path, &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the mount takes a secret", func() bool {
		_, err := s.api.KVv2(path).Put(t.Context(), "first", map[string]any{})
		return err == nil
	})
	if err := s.api.KVv2(path).DeleteMetadata(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s *Session, mount, path string, data map[string]any) {
	t.Helper()
	if _, err := s.api.KVv2(mount).Put(t.Context(), path, data); err != nil {
		t.Fatal(err)
	}
}

// A life: empty, sealed, opened, snapshotted, lost, restored. Wrong and too few shares do not open it.
func TestRealSealAndRestore(t *testing.T) {
	r := start(t)
	ctx := t.Context()
	if h := r.is(t, Uninitialized); h.ClusterID != "" || h.Version == "" || time.Since(h.Time).Abs() > time.Minute {
		t.Errorf("empty node: %+v", h)
	}
	if _, _, err := r.cluster.Leader(ctx); !fault.Is(err, fault.VaultUninitialized) {
		t.Errorf("Leader = %v", err)
	}
	if seal := must(r.node().Seal(ctx)); !seal.Shamir() {
		t.Errorf("an empty node's seal: %+v", seal)
	}
	seal := Seal{Type: shamir, Shares: 3, Threshold: 2}
	keys := must(r.node().Initialize(ctx, seal))
	if len(keys.Shares) != 3 || keys.RootToken.Empty() {
		t.Fatalf("%d shares", len(keys.Shares))
	}
	if _, err := r.node().Initialize(ctx, seal); !fault.Is(err, fault.VaultRefused) {
		t.Errorf("initialised twice: %v", err)
	}
	r.is(t, Sealed)
	if _, _, err := r.cluster.Leader(ctx); !fault.Is(err, fault.VaultSealed) {
		t.Errorf("Leader = %v", err)
	}
	if got := must(r.node().Seal(ctx)); got != seal {
		t.Errorf("Seal = %+v, want %+v", got, seal)
	}

	foreign := start(t)
	_, others := foreign.lead(t, seal)
	for name, shares := range map[string][]secret.String{
		"too few":         keys.Shares[:1],
		"of another":      others.Shares,
		"of a wrong form": {secret.New("zz"), secret.New("zz")},
		"empty":           {secret.New("")},
		"none":            nil,
		"one right":       {keys.Shares[0], others.Shares[1]},
	} {
		if err := r.node().Unseal(ctx, shares); !fault.Is(err, fault.UnsealSharesWrong) {
			t.Errorf("shares %s: Unseal = %v", name, err)
		}
		if status := must(r.node().api.Sys().SealStatusWithContext(ctx)); status.Progress != 0 || !status.Sealed {
			t.Errorf("shares %s: the node remembers %d of them", name, status.Progress)
		}
	}
	if err := r.node().Unseal(ctx, keys.Shares[1:]); err != nil {
		t.Fatal(err)
	}
	before := r.is(t, Active)
	if err := r.node().Unseal(ctx, keys.Shares[:1]); err != nil {
		t.Errorf("an open node: Unseal = %v", err)
	}
	s := must(r.node().AsRoot(keys))
	r.mount(t, s, "smtp")
	put(t, s, "smtp", "tenant/admin", map[string]any{"username": "admin"})
	index := must(s.RaftIndex(ctx))
	stream := must(s.Snapshot(ctx))
	var snapshot bytes.Buffer
	summary := must(raftsnapshot.Check(io.TeeReader(stream, &snapshot)))
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	if index == 0 || summary.Index < index {
		t.Errorf("the snapshot holds index %d, the leader had applied %d before it", summary.Index, index)
	}
	if err := s.RestoreForced(ctx, bytes.NewReader(snapshot.Bytes()[:snapshot.Len()/2])); err == nil {
		t.Error("half a snapshot was taken")
	}

	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := r.Wipe(); err != nil {
		t.Fatal(err)
	}
	r.is(t, Unreachable)
	if _, _, err := r.cluster.Leader(ctx); !fault.Is(err, fault.VaultUnreachable) {
		t.Errorf("Leader = %v", err)
	}
	r = run(t, r.Options())
	fresh, freshKeys := r.lead(t, seal)
	if err := fresh.RestoreForced(ctx, &snapshot); err != nil {
		t.Fatal(err)
	}
	r.is(t, Sealed)
	if err := r.node().Unseal(ctx, freshKeys.Shares); !fault.Is(err, fault.UnsealSharesWrong) {
		t.Errorf("the shares of the empty cluster: %v", err)
	}
	if err := r.node().Unseal(ctx, keys.Shares); err != nil {
		t.Fatal(err)
	}
	if after := r.is(t, Active); after.ClusterID != before.ClusterID {
		t.Errorf("cluster id %s, want %s", after.ClusterID, before.ClusterID)
	}
	if _, err := fresh.ReadSecret(ctx, "smtp/", "tenant/admin", 0); !fault.Is(err, fault.VaultRefused) {
		t.Errorf("the token of the empty cluster: %v", err)
	}
	found := must(must(r.node().AsRoot(keys)).ReadSecret(ctx, "smtp/", "tenant/admin", 0))
	if found == nil || found.Data["username"] != "admin" {
		t.Errorf("found %+v", found)
	}
}

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
	if err := kv.Delete(ctx, "v"); err != nil {
		t.Fatal(err)
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

func TestRealSystemAndTransit(t *testing.T) {
	r := start(t)
	ctx := t.Context()
	s, _ := r.lead(t, Seal{Type: shamir, Shares: 1, Threshold: 1})
	sys := s.api.Sys()
	if devices := must(s.AuditDevices(ctx)); len(devices) != 0 {
		t.Errorf("audit devices %q", devices)
	}
	for what, err := range map[string]error{
		"kv v1":   sys.MountWithContext(ctx, "old", &api.MountInput{Type: "kv"}),
		"kv v2":   sys.MountWithContext(ctx, "smtp", &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}),
		"transit": sys.MountWithContext(ctx, "transit", &api.MountInput{Type: "transit"}),
		"approle": sys.EnableAuthWithOptionsWithContext(ctx, "approle", &api.EnableAuthOptions{Type: "approle"}),
		"aws":     sys.EnableAuthWithOptionsWithContext(ctx, "aws", &api.EnableAuthOptions{Type: "aws"}),
		"policy":  sys.PutPolicyWithContext(ctx, "one", `path "smtp/*" { capabilities = ["read"] }`),
		"audit": sys.EnableAuditWithOptionsWithContext(ctx, "file",
			&api.EnableAuditOptions{Type: "file", Options: map[string]string{"file_path": filepath.Join(t.TempDir(), "audit.log")}}),
	} {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	mounts := must(s.Mounts(ctx))
	if mounts["old/"] != "kv-v1" || mounts["smtp/"] != "kv-v2" || mounts["transit/"] != "transit" {
		t.Errorf("mounts %v", mounts)
	}
	if methods := must(s.AuthMethods(ctx)); methods["approle/"] != "approle" || methods["aws/"] != "aws" || methods["token/"] != "token" {
		t.Errorf("methods %v", methods)
	}
	for method, role := range map[string]map[string]any{
		"aws/":     {"auth_type": "iam", "bound_iam_principal_arn": "arn:aws:iam::123456789012:role/x", "resolve_aws_unique_ids": false},
		"approle/": {},
	} {
		if roles := must(s.AuthRoles(ctx, method)); len(roles) != 0 {
			t.Errorf("%s has roles %q", method, roles)
		}
		for _, name := range []string{"two", "one"} {
			if _, err := s.api.Logical().WriteWithContext(ctx, "auth/"+method+"role/"+name, role); err != nil {
				t.Fatal(err)
			}
		}
		if roles := must(s.AuthRoles(ctx, method)); !slices.Equal(roles, []string{"one", "two"}) {
			t.Errorf("%s has roles %q", method, roles)
		}
	}
	policies := must(s.Policies(ctx))
	if !slices.Equal(slices.Sorted(maps.Keys(policies)), []string{"default", "one", "root"}) || policies["one"] == "" {
		t.Errorf("policies %q", policies)
	}
	if devices := must(s.AuditDevices(ctx)); !slices.Equal(devices, []string{"file/"}) {
		t.Errorf("audit devices %q", devices)
	}

	logical := s.api.Logical()
	if _, err := logical.WriteWithContext(ctx, "transit/keys/smtp", map[string]any{"type": "aes256-gcm96", "derived": true}); err != nil {
		t.Fatal(err)
	}
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	made := must(logical.WriteWithContext(ctx, "transit/encrypt/smtp", map[string]any{
		"plaintext": encode("correct horse"), "context": encode("tenant"), "associated_data": encode("id"),
	}))
	right := Ciphertext{Text: made.Data["ciphertext"].(string), TenantID: "tenant", CredentialID: "id"}
	if password, err := s.Decrypt(ctx, right); err != nil || password.Reveal() != "correct horse" {
		t.Errorf("the password does not come back: %v", err)
	}
	for name, c := range map[string]Ciphertext{
		"another tenant":     {right.Text, "tenant2", "id"},
		"another credential": {right.Text, "tenant", "id2"},
		"no credential":      {right.Text, "tenant", ""},
		"changed":            {right.Text[:len(right.Text)-4] + "AAA=", "tenant", "id"},
		"no text":            {"", "tenant", "id"},
		"not transit's":      {"hunter2", "tenant", "id"},
		"no tenant":          {right.Text, "", "id"},
	} {
		if _, err := s.Decrypt(ctx, c); !fault.Is(err, fault.VaultRefused) {
			t.Errorf("%s: Decrypt = %v", name, err)
		}
	}
	if err := sys.UnmountWithContext(ctx, "transit"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Decrypt(ctx, right); !fault.Is(err, fault.VaultRefused) {
		t.Errorf("without transit: Decrypt = %v", err)
	}

	token := must(s.api.Auth().Token().CreateWithContext(ctx, &api.TokenCreateRequest{Policies: []string{"one"}, NoParent: true}))
	reader := must(s.with(secret.New(token.Auth.ClientToken), Health{}))
	if _, err := reader.Mounts(ctx); !fault.Is(err, fault.VaultRefused) {
		t.Errorf("without the policy: Mounts = %v", err)
	}
	reader.Logout(ctx)
	if _, err := s.api.Auth().Token().LookupWithContext(ctx, token.Auth.ClientToken); err == nil {
		t.Error("the token lives after Logout")
	}
	if err := sys.SealWithContext(ctx); err != nil {
		t.Fatal(err)
	}
	r.is(t, Sealed)
	if _, err := s.ReadSecret(ctx, "smtp/", "x", 0); !fault.Is(err, fault.VaultSealed) {
		t.Errorf("sealed: ReadSecret = %v", err)
	}
	if _, err := s.Snapshot(ctx); !fault.Is(err, fault.VaultSealed) {
		t.Errorf("sealed: Snapshot = %v", err)
	}
}
