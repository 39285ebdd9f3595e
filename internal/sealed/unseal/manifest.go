package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/signing"
)

// readManifest proves the manifest of the slot that was copied to dir. A copy keeps the bucket's folders: else an old
// backup could pass for the newest one.
func readManifest(ctx context.Context, dir, keyPath string) (m archive.Manifest, err error) {
	key, err := os.ReadFile(keyPath)
	if err != nil {
		return m, err
	}
	verifier, err := signing.FromPEM(key)
	if err != nil {
		return m, fmt.Errorf("%s: %w", keyPath, err)
	}
	path := filepath.Join(dir, archive.ManifestName)
	envelope, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	if m, err = archive.OpenManifest(ctx, verifier, path, envelope); err != nil {
		return m, err
	}
	place, err := filepath.Abs(dir)
	if err != nil {
		return m, err
	}
	if !strings.HasSuffix(filepath.ToSlash(place), "/"+m.Slot.String()) {
		return m, fmt.Errorf("%s is the manifest of %s", path, m.Slot)
	}
	return m, nil
}

// checkFile holds a file against what its manifest says of it, by name.
func checkFile(path string, m archive.Manifest) error {
	object, ok := map[string]archive.Object{archive.SnapshotName: m.Snapshot, archive.InventoryName: m.Inventory}[filepath.Base(path)]
	if !ok {
		return fmt.Errorf("%s is neither %s nor %s: the manifest says nothing of it", path, archive.SnapshotName, archive.InventoryName)
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return err
	}
	if hex.EncodeToString(hash.Sum(nil)) != object.SHA256Sealed {
		return fmt.Errorf("%s is not what the manifest says; it means %s, version %s", path, object.Key, object.VersionID)
	}
	return nil
}

// checkSlot proves a copied slot as far as that goes without opening it.
func checkSlot(ctx context.Context, dir, keyPath string, report io.Writer) error {
	m, err := readManifest(ctx, dir, keyPath)
	if err != nil {
		return err
	}
	for _, name := range []string{archive.SnapshotName, archive.InventoryName} {
		if err := checkFile(filepath.Join(dir, name), m); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(report, "%s is whole: %d secrets of %s\n", m.Slot, m.Secrets, m.CapturedAt.UTC().Format("2006-01-02 15:04:05 UTC"))
	return err
}
