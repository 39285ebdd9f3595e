package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/signing"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

// manifestType is the DSSE payload type of a manifest.
const manifestType = "application/vnd.pmdr.manifest+json"

// schemaVersion is the version of Manifest's fields.
const schemaVersion = 1

// Manifest says that a backup is whole: VerifyBackup signs it after it read both objects back and proved them. Its
// signature is what makes a slot a backup; without it a restore refuses the slot.
type Manifest struct {
	SchemaVersion int  `json:"schema_version"`
	Slot          Slot `json:"slot"`
	// CaptureID is shared by both objects: they were taken by one execution.
	CaptureID string `json:"capture_id"`
	Snapshot  Object `json:"snapshot"`
	Inventory Object `json:"inventory"`
	// Vault is where the snapshot came from and what a node must be like to take it.
	Vault sealed.Vault `json:"vault"`
	// Secrets counts the secrets of the inventory.
	Secrets int `json:"secrets"`
	// CapturedAt is when the snapshot was begun, by Vault's clock: the recovery point.
	CapturedAt time.Time `json:"captured_at"`
	VerifiedAt time.Time `json:"verified_at"`
	// Execution is the run that took and verified it: of vault-backup, or of vault-restore for what it saved before.
	Execution string `json:"execution"`
	// PreviousSHA256 is the digest of the manifest before this one in the same tier, or empty: a chain, so that a
	// manifest that vanished leaves a gap.
	PreviousSHA256 string `json:"previous_sha256"`
}

// Signed is a manifest that holds, and the very object it was read from.
type Signed struct {
	Manifest
	Key       string
	VersionID string
	// SHA256 is the digest of the signed file, hex.
	SHA256 string
	// Modified is S3's clock when the file was written.
	Modified time.Time
}

func (m Manifest) validate() error {
	switch {
	case m.SchemaVersion != schemaVersion:
		return fmt.Errorf("schema version %d is unknown", m.SchemaVersion)
	case m.Slot == Slot{}:
		return errors.New("it names no slot")
	case m.Snapshot.Key != m.Slot.Key(SnapshotName) || m.Inventory.Key != m.Slot.Key(InventoryName):
		return errors.New("it points outside its slot")
	case m.Snapshot.VersionID == "" || m.Inventory.VersionID == "":
		return errors.New("it pins no version")
	case m.CapturedAt.IsZero() || m.VerifiedAt.IsZero():
		return errors.New("it has no times")
	}
	return nil
}

// Sign signs the manifest and writes it once. The answer is the slot's manifest as every reader will find it, read back
// from the bucket: a slot that has one already keeps it, whatever lies on top of it. A file that lies there and does not
// hold is no reason to leave a day without a backup: it is written over, and stays as the evidence that it is.
func (s *Store) Sign(ctx context.Context, m Manifest) (Signed, error) {
	m.SchemaVersion = schemaVersion
	if err := m.validate(); err != nil {
		return Signed{}, fault.Unexpected.Errorf("manifest of %s: %w", m.Slot, err)
	}
	payload, err := json.Marshal(m)
	if err != nil {
		return Signed{}, fault.Unexpected.Errorf("manifest of %s: %w", m.Slot, err)
	}
	envelope, err := s.signer.Seal(ctx, manifestType, payload)
	if err != nil {
		return Signed{}, awsfault.From(err, "sign the manifest of %s", m.Slot)
	}
	if there, found, err := s.place(ctx, m.Slot, envelope, aws.String("*")); !fault.Is(err, fault.BackupForged) {
		return there, missing(m.Slot, found, err)
	}
	there, found, err := s.place(ctx, m.Slot, envelope, nil)
	return there, missing(m.Slot, found, err)
}

// place writes a manifest, under S3's condition ifNoneMatch where that is given, and answers with the slot's.
func (s *Store) place(ctx context.Context, slot Slot, envelope []byte, ifNoneMatch *string) (there Signed, found bool, err error) {
	_, err = s.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket:                    aws.String(s.bucket),
		Key:                       aws.String(slot.Key(ManifestName)),
		Body:                      bytes.NewReader(envelope),
		ContentType:               aws.String("application/vnd.dsse+json"),
		IfNoneMatch:               ifNoneMatch,
		ChecksumAlgorithm:         types.ChecksumAlgorithmSha256,
		ObjectLockMode:            types.ObjectLockModeCompliance,
		ObjectLockRetainUntilDate: aws.Time(s.now().Add(slot.Tier.Lock())),
	})
	if err != nil && awsfault.Code(err) != "PreconditionFailed" { // it is there: an earlier attempt, or another run
		return Signed{}, false, awsfault.From(err, "write %s", slot.Key(ManifestName))
	}
	return s.Manifest(ctx, slot)
}

// missing is a fault where a manifest was written and is not there.
func missing(slot Slot, found bool, err error) error {
	if err == nil && !found {
		return fault.BackupCorrupt.Tellf("%s was written and is not there", slot.Key(ManifestName))
	}
	return err
}

// load reads one version of a manifest and proves it: signature, fields, and that it lies where it says it belongs. A
// manifest that does not hold is BackupForged.
func (s *Store) load(ctx context.Context, v version) (Signed, error) {
	body, err := s.get(ctx, v.key, v.id)
	if err != nil {
		return Signed{}, err
	}
	defer body.Close()
	envelope, err := io.ReadAll(io.LimitReader(body, 1<<20))
	if err != nil {
		return Signed{}, awsfault.From(err, "read %s", v.key)
	}
	m, err := OpenManifest(ctx, s.verifier, v.key, envelope)
	if err != nil {
		return Signed{}, err
	}
	if m.Slot != v.slot {
		return Signed{}, fault.BackupForged.Tellf("%s is the manifest of %s", v.key, m.Slot)
	}
	return Signed{Manifest: m, Key: v.key, VersionID: v.id, SHA256: digest(envelope), Modified: v.modified}, nil
}

// OpenManifest proves a manifest's signature and fields; name is what errors call it. The caller must know where it lay,
// and hold that against its Slot. A manifest that does not hold is BackupForged.
func OpenManifest(ctx context.Context, verifier signing.Verifier, name string, envelope []byte) (Manifest, error) {
	payload, err := verifier.Open(ctx, manifestType, envelope)
	if errors.Is(err, signing.ErrSignature) {
		return Manifest{}, fault.BackupForged.Tellf("%s: %w", name, signing.ErrSignature)
	}
	if err != nil {
		return Manifest{}, awsfault.From(err, "verify %s", name)
	}
	var m Manifest
	if err := strictjson.Unmarshal(payload, &m); err != nil {
		return Manifest{}, fault.BackupForged.Tellf("%s: %w", name, err)
	}
	if err := m.validate(); err != nil {
		return Manifest{}, fault.BackupForged.Tellf("%s: %w", name, err)
	}
	return m, nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
