package restore

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/vault"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

// proving is a Vault with the test tenant's credential alone, its inventory in the bucket, and the prover for them.
func proving(t *testing.T) (*vaulttest.Node, *bucket, Prover, VerifyInput) {
	t.Helper()
	n := vaulttest.StartAll(t, "active")[0]
	data := map[string]any{"username": "test", "credential_id": "id", "password": "vault:v1:abc"}
	text, err := json.Marshal(map[string]any{"data": map[string]any{
		"data": data, "metadata": map[string]any{"version": 3, "created_time": before},
	}})
	if err != nil {
		t.Fatal(err)
	}
	n.On("PUT auth/aws/login", vaulttest.JSON(200, `{"auth":{"client_token":"token-never-to-be-seen"}}`))
	n.On("PUT auth/token/revoke-self", vaulttest.JSON(204, ``))
	n.On("GET smtp/data/test/admin", vaulttest.JSON(200, string(text)))
	n.On("PUT transit/decrypt/smtp", vaulttest.JSON(200, `{"data":{"plaintext":"`+base64.StdEncoding.EncodeToString([]byte("p"))+`"}}`))
	n.On("GET sys/mounts", vaulttest.JSON(200, `{"data":{"smtp/":{"type":"kv","options":{"version":"2"}},"transit/":{"type":"transit"}}}`))
	n.On("GET smtp/metadata", vaulttest.JSON(200, `{"data":{"keys":["test/"]}}`))
	n.On("GET smtp/metadata/test", vaulttest.JSON(200, `{"data":{"keys":["admin"]}}`))

	inv := inventory.Inventory{Head: inventory.Head{
		CaptureID: "c", ClusterID: vaulttest.ClusterID, CapturedAt: captured, Salt: strings.Repeat("ab", 32),
	}}
	fingerprint, err := inv.Fingerprint(data)
	if err != nil {
		t.Fatal(err)
	}
	inv.Secrets = []inventory.Secret{{Mount: "smtp/", Path: "test/admin", Version: 3, CreatedTime: before, Fingerprint: fingerprint}}
	var file bytes.Buffer
	if err := inv.Write(&file); err != nil {
		t.Fatal(err)
	}
	b := &bucket{content: map[string][]byte{"v2": file.Bytes()}}
	p := Prover{
		Cluster: open(t, n), Archive: b, TestTenant: "test", Now: func() time.Time { return started.Add(412440 * time.Millisecond) },
		Identity: vault.Identity{Role: "verify-secrets", AWS: aws.Config{Region: "eu-central-1",
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "key-never-to-be-seen"}, nil
			})}},
	}
	return n, b, p, VerifyInput{Execution: execution, Backup: Backup{
		CapturedAt: captured, Inventory: archive.Object{Key: "backups/2026-11-24/inventory.enc", VersionID: "v2"},
	}}
}

func TestVerify(t *testing.T) {
	n, b, p, in := proving(t)
	got, err := p.Verify(t.Context(), in)
	want := Proof{
		SecretsVerified: 1, PasswordsDecrypted: 1, RestorationSeconds: 412.4, RecoveryPointSeconds: 25169,
		RecoveredAt: started.Add(412440 * time.Millisecond),
	}
	if err != nil || got != want {
		t.Errorf("Verify = %+v, %v, want %+v", got, err, want)
	}
	if !slices.Equal(b.reads, []archive.Object{in.Backup.Inventory}) {
		t.Errorf("read %v", b.reads)
	}
	requests := n.Requests()
	if last := requests[len(requests)-1]; last.String() != "PUT auth/token/revoke-self" {
		t.Errorf("the last request is %s: the token was not given back", last)
	}
	for _, r := range requests {
		if strings.HasPrefix(r.Path, "smtp/") && r.Header.Get("X-Vault-Token") != "token-never-to-be-seen" {
			t.Errorf("%s was not asked with the token of the login", r)
		}
	}
}

func TestVerifyFails(t *testing.T) {
	answer := func(request string, h http.HandlerFunc) func(*vaulttest.Node, *bucket) {
		return func(n *vaulttest.Node, _ *bucket) { n.On(request, h) }
	}
	for name, tt := range map[string]struct {
		spoil func(*vaulttest.Node, *bucket)
		want  fault.Name
		asked bool // whether Vault was asked for a login
	}{
		"no inventory": {func(_ *vaulttest.Node, b *bucket) { delete(b.content, "v2") }, fault.BackupCorrupt, false},
		"a cut one":    {func(_ *vaulttest.Node, b *bucket) { b.content["v2"] = b.content["v2"][:200] }, fault.BackupCorrupt, false},
		"another kind": {func(_ *vaulttest.Node, b *bucket) { b.content["v2"] = []byte("hello\n") }, fault.BackupCorrupt, false},
		"AWS is away": {func(_ *vaulttest.Node, b *bucket) {
			b.wrap = func(_ int, r io.Reader) io.Reader { return broken(r, 100, fault.AWSUnavailable.Errorf("cut")) }
		}, fault.AWSUnavailable, false},
		"other digests": {func(_ *vaulttest.Node, b *bucket) {
			b.after = func(int) error { return fault.BackupCorrupt.Tellf("not what its manifest says") }
		}, fault.BackupCorrupt, false},
		"Vault is sealed":     {func(n *vaulttest.Node, _ *bucket) { n.Be("sealed") }, fault.VaultSealed, false},
		"the login":           {answer("PUT auth/aws/login", vaulttest.JSON(400, `{"errors":["no"]}`)), fault.VaultRefused, true},
		"the secret is gone":  {answer("GET smtp/data/test/admin", vaulttest.JSON(404, `{"errors":[]}`)), fault.SecretsDiffer, true},
		"it does not decrypt": {answer("PUT transit/decrypt/smtp", vaulttest.JSON(400, `{"errors":["cipher"]}`)), fault.SecretsDiffer, true},
		"another cluster": {answer("GET sys/health", vaulttest.JSON(200,
			`{"initialized":true,"version":"1.21.0","cluster_id":"another"}`)), fault.SecretsDiffer, true},
	} {
		n, b, p, in := proving(t)
		tt.spoil(n, b)
		got, err := p.Verify(t.Context(), in)
		wantFault(t, name, err, tt.want)
		if got != (Proof{}) {
			t.Errorf("%s: half a proof %+v", name, got)
		}
		if asked := len(n.Mutations()) > 0; asked != tt.asked {
			t.Errorf("%s: Vault was sent %v", name, sent(n))
		}
		if tt.asked && name != "the login" && !slices.Contains(sent(n), "PUT auth/token/revoke-self") {
			t.Errorf("%s: the token was not given back", name)
		}
	}
}
