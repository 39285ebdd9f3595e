//go:build platform

package suite

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
	"github.com/penguinmails/disaster-recovery/internal/sealed/sealedtest"
)

const repository = "../../.."

// noAWS is an environment in which every call of AWS fails: whoever makes one is found out.
var noAWS = []string{
	"AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none", "AWS_REGION=us-east-1",
	"AWS_EC2_METADATA_DISABLED=true",
}

// From the identity, the threshold of shares, the public key and a copy of the bucket, and nothing else, the very commands
// of docs/break-glass.md lead to a password in a fresh Vault. Only the server itself is started otherwise than the page
// says: with a certificate and on free ports.
func TestBreakGlassKitOpensThePasswords(t *testing.T) {
	kit, bin := t.TempDir(), t.TempDir()
	slot := someBackup(t).String()
	pack(t, kit, slot)
	build(t, filepath.Join(kit, "unseal"), "./internal/sealed/unseal")
	build(t, filepath.Join(bin, "vault"), "./internal/local/vaultserver/cli")
	defer stopVault(t)()
	empty := emptyVault(t)
	check := exec.CommandContext(t.Context(), "./unseal", "-key", "manifest-key.pem", "-check", filepath.Join("copy", slot))
	check.Dir, check.Env = kit, noAWS
	if out, err := check.CombinedOutput(); err != nil || !strings.Contains(string(out), slot+" is whole: ") {
		t.Fatalf("the copy: %v\n%s", err, out)
	}

	const tenant = "tenant-001"
	script := filepath.Join(kit, "the-day.sh")
	text := strings.NewReplacer("slot=backups/2026-11-24", "slot="+slot, "tenant=acme", "tenant="+tenant).Replace(theDay(t))
	if !strings.Contains(text, "slot="+slot) || !strings.Contains(text, "tenant="+tenant) {
		t.Fatal("the page has other examples")
	}
	if err := os.WriteFile(script, []byte("set -euo pipefail\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	day := exec.CommandContext(ctx, "bash", script)
	day.Dir = kit
	day.Env = append([]string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + kit, "VAULT_ADDR=" + empty.URL(), "VAULT_CACERT=" + empty.Options().CAFile,
	}, noAWS...)
	var typed, said bytes.Buffer
	for range 2 { // to unseal, and for the root token
		for _, share := range w.Keys.Shares[1:] {
			fmt.Fprintln(&typed, share.Reveal())
		}
	}
	day.Stdin, day.Stderr = &typed, &said
	out, err := day.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if want := "admin@" + tenant + ".example\n" + w.passwords[tenant].Reveal(); !strings.HasSuffix(string(out), want) {
		t.Errorf("the user name and the password are not what the page leads to")
	}
	if listed, err := os.ReadFile(filepath.Join(kit, "inventory.jsonl")); err != nil || !strings.Contains(string(listed), `"`+tenant+`/admin"`) {
		t.Errorf("the inventory does not list the secret, %v", err)
	}

	snapshot, err := os.ReadFile(filepath.Join(kit, "vault.snap"))
	if err != nil {
		t.Fatal(err)
	}
	result, second := sealedtest.UnsealPy(t, repository, filepath.Join(kit, "copy", slot, archive.SnapshotName),
		"--key", filepath.Join(kit, "manifest-key.pem"), "--identity", filepath.Join(kit, "identity.txt"))
	if result != "ok" || !bytes.Equal(snapshot, second) {
		t.Errorf("the second reader: %s, %d bytes, the first %d", result, len(second), len(snapshot))
	}
}

// theDay is what the page tells a person to type once AWS is gone, but for the start of the server.
func theDay(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(repository, "docs", "break-glass.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, day, ok := strings.Cut(string(page), "\n## The day\n")
	if !ok {
		t.Fatal("the page has no such chapter")
	}
	var script strings.Builder
	for block := range strings.SplitSeq(day, "\n\n") {
		code := strings.HasPrefix(block, "    ")
		if !code || strings.HasPrefix(block, "    {") || strings.Contains(block, "vault server ") {
			continue
		}
		fmt.Fprintln(&script, block)
	}
	return script.String()
}

// someBackup is the slot of a backup that earlier tests have left, the day's if it is there.
func someBackup(t *testing.T) archive.Slot {
	t.Helper()
	for _, tier := range archive.Tiers() {
		there, err := store().Survey(t.Context(), tier)
		if err != nil {
			t.Fatal(err)
		}
		if len(there.Backups) > 0 {
			return there.Backups[0].Slot
		}
	}
	t.Fatal("there is no backup")
	return archive.Slot{}
}

// pack puts the kit together while AWS is there: the slot's newest versions, the public key, the identity.
func pack(t *testing.T, kit, slot string) {
	t.Helper()
	client, bucket := s3.NewFromConfig(w.AWS), aws.String(w.Outputs["BackupBucket"])
	list, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String(slot + "/")})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Contents {
		out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: o.Key})
		if err != nil {
			t.Fatal(err)
		}
		var content bytes.Buffer
		_, err = content.ReadFrom(out.Body)
		_ = out.Body.Close()
		path := filepath.Join(kit, "copy", *o.Key)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o700)
		}
		if err == nil {
			err = os.WriteFile(path, content.Bytes(), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := kms.NewFromConfig(w.AWS).GetPublicKey(t.Context(), &kms.GetPublicKeyInput{KeyId: aws.String(w.Outputs["ManifestKeyArn"])})
	if err != nil {
		t.Fatal(err)
	}
	identity, err := os.ReadFile(w.BreakGlassIdentity())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"manifest-key.pem": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: key.PublicKey}),
		"identity.txt":     identity,
	} {
		if err := os.WriteFile(filepath.Join(kit, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// stopVault lets the day be what it is: the old Vault is gone. One that runs and can be reached takes the restored node,
// which asks it first, for a stranger, and the node locks itself for ever.
func stopVault(t *testing.T) (startAgain func()) {
	t.Helper()
	if err := w.Vault.Stop(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := w.StartVault(t.Context()); err != nil {
			t.Fatal(err)
		}
		reopen(t)
	}
}

// emptyVault is a server that nobody initialised, beside the platform's own.
func emptyVault(t *testing.T) *vaultserver.Node {
	t.Helper()
	o := w.Vault.Options()
	o.Dir, o.Name, o.Address, o.ClusterAddress, o.LogFile, o.Env = t.TempDir(), "break-glass", "", "", "", noAWS
	node, err := vaultserver.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Stop(); err != nil {
			t.Error(err)
		}
	})
	return node
}

func build(t *testing.T, program, source string) {
	t.Helper()
	compile := exec.CommandContext(t.Context(), "go", "build", "-o", program, source)
	compile.Dir = repository
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", source, err, out)
	}
}
