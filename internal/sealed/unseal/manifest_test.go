package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/signing"
)

// signer is KMS with one key in memory.
type signer struct{ key *ecdsa.PrivateKey }

func newSigner(t *testing.T) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key}
}

func (s signer) Sign(_ context.Context, in *kms.SignInput, _ ...func(*kms.Options)) (*kms.SignOutput, error) {
	signature, err := ecdsa.SignASN1(rand.Reader, s.key, in.Message)
	return &kms.SignOutput{Signature: signature}, err
}

func (s signer) GetPublicKey(context.Context, *kms.GetPublicKeyInput, ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error) {
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	return &kms.GetPublicKeyOutput{PublicKey: der}, err
}

// kit is a copy of a bucket with one backup, and the public key that proves it.
type kit struct {
	t         *testing.T
	signer    signer
	key, slot string
	manifest  archive.Manifest
}

var (
	night    = time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	november = archive.SlotAt(archive.Daily, night)
)

// newKit makes a backup whose two objects are the vector that opens with the vectors' identity.
func newKit(t *testing.T) *kit {
	t.Helper()
	dir := t.TempDir()
	k := &kit{t: t, signer: newSigner(t), key: filepath.Join(dir, "manifest-key.pem"), slot: filepath.Join(dir, "copy", november.String())}
	public, err := k.signer.GetPublicKey(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	k.write(k.key, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public.PublicKey}))
	file, err := os.ReadFile(vectors + "age-recipient.enc")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(file)
	object := func(name string) archive.Object {
		k.write(k.path(name), file)
		return archive.Object{Key: november.Key(name), VersionID: "version-of-" + name, Size: int64(len(file)), SHA256Sealed: hex.EncodeToString(sum[:])}
	}
	k.manifest = archive.Manifest{
		SchemaVersion: 1, Slot: november, Snapshot: object(archive.SnapshotName), Inventory: object(archive.InventoryName),
		Secrets: 41, CapturedAt: night, VerifiedAt: night,
	}
	k.sign(k.signer, k.manifest)
	return k
}

func (k *kit) path(name string) string { return filepath.Join(k.slot, name) }

func (k *kit) write(path string, content []byte) {
	k.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		k.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kit) sign(by signer, m any) {
	k.t.Helper()
	payload, err := json.Marshal(m)
	if err != nil {
		k.t.Fatal(err)
	}
	envelope, err := signing.Signer{KMS: by}.Seal(k.t.Context(), "application/vnd.pmdr.manifest+json", payload)
	if err != nil {
		k.t.Fatal(err)
	}
	k.write(k.path(archive.ManifestName), envelope)
}

// flip changes one byte of a file.
func (k *kit) flip(name string) {
	k.t.Helper()
	content, err := os.ReadFile(k.path(name))
	if err != nil {
		k.t.Fatal(err)
	}
	content[len(content)-1] ^= 1
	k.write(k.path(name), content)
}

// spoiled are the ways in which a copy is not what was signed: what the command says of the snapshot, and the result of
// the second reader.
var spoiled = map[string]struct {
	spoil     func(*testing.T, *kit)
	says      string
	result    string
	slotAlone bool // the snapshot itself is sound
}{
	"another key signed": {func(t *testing.T, k *kit) { k.sign(newSigner(t), k.manifest) }, "the signature does not hold", "forged", false},
	"no manifest":        {func(_ *testing.T, k *kit) { _ = os.Remove(k.path(archive.ManifestName)) }, "no such file", "no-manifest", false},
	"not a manifest":     {func(_ *testing.T, k *kit) { k.write(k.path(archive.ManifestName), []byte(`{}`)) }, "the signature does not hold", "forged", false},
	"a changed payload": {func(t *testing.T, k *kit) {
		envelope, err := os.ReadFile(k.path(archive.ManifestName))
		if err != nil {
			t.Fatal(err)
		}
		k.write(k.path(archive.ManifestName), bytes.Replace(envelope, []byte(`"payload":"eyJ`), []byte(`"payload":"eyI`), 1))
	}, "the signature does not hold", "forged", false},
	"of another version": {func(_ *testing.T, k *kit) {
		m := k.manifest
		m.SchemaVersion = 2
		k.sign(k.signer, m)
	}, "schema version 2 is unknown", "forged", false},
	"moved to another day": {func(t *testing.T, k *kit) {
		moved := filepath.Join(filepath.Dir(k.slot), "2026-11-25")
		if err := os.Rename(k.slot, moved); err != nil {
			t.Fatal(err)
		}
		k.slot = moved
	}, "is the manifest of backups/2026-11-24", "forged", false},
	"the snapshot of another backup": {func(_ *testing.T, k *kit) { k.write(k.path(archive.SnapshotName), []byte("PMDR")) },
		"it means backups/2026-11-24/vault-snapshot.enc, version version-of-vault-snapshot.enc", "another-version", false},
	"one bit of the snapshot":  {func(_ *testing.T, k *kit) { k.flip(archive.SnapshotName) }, "vault-snapshot.enc is not what", "another-version", false},
	"one bit of the inventory": {func(_ *testing.T, k *kit) { k.flip(archive.InventoryName) }, "inventory.enc is not what", "ok", true},
}

func TestOpenAndCheck(t *testing.T) {
	k := newKit(t)
	for _, name := range []string{archive.SnapshotName, archive.InventoryName} {
		out := filepath.Join(t.TempDir(), "out")
		j := job{key: k.key, identity: identity, in: k.path(name), out: out, report: io.Discard}
		if err := j.run(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if plain, err := os.ReadFile(out); err != nil || len(plain) != 1000 {
			t.Errorf("%s: %d bytes, %v", name, len(plain), err)
		}
	}
	var report bytes.Buffer
	if err := (job{key: k.key, check: k.slot, report: &report}).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := report.String(); got != "backups/2026-11-24 is whole: 41 secrets of 2026-11-24 02:00:00 UTC\n" {
		t.Errorf("said %q", got)
	}
}

func TestSpoiledCopies(t *testing.T) {
	for name, c := range spoiled {
		t.Run(name, func(t *testing.T) {
			k := newKit(t)
			c.spoil(t, k)
			err := job{key: k.key, check: k.slot, report: io.Discard}.run(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("check: %v, want %q", err, c.says)
			}
			out := filepath.Join(t.TempDir(), "out")
			err = job{key: k.key, identity: identity, in: k.path(archive.SnapshotName), out: out, report: io.Discard}.run(t.Context())
			if c.slotAlone && err == nil {
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("open: %v, want %q", err, c.says)
			}
			if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		})
	}
}

// A sound file under another name is not what the manifest speaks of.
func TestFileOfAnotherName(t *testing.T) {
	k := newKit(t)
	other := k.path("copy-of-" + archive.SnapshotName)
	if err := os.Link(k.path(archive.SnapshotName), other); err != nil {
		t.Fatal(err)
	}
	err := job{key: k.key, identity: identity, in: other, out: filepath.Join(t.TempDir(), "out"), report: io.Discard}.run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the manifest says nothing of it") {
		t.Errorf("got %v", err)
	}
}
