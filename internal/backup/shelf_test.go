package backup

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/raftsnapshot/raftsnapshottest"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
)

// shelf is an archive of two files: it hands out what lies there, and remembers in which order it was asked.
type shelf struct {
	files  map[archive.Object]file
	survey archive.Survey
	signed archive.Manifest
	calls  []string
	refuse map[string]error // call -> what it fails with
}

type file struct {
	header sealed.Header
	plain  []byte
	end    error // what the file ends with, where not with its end
}

func (s *shelf) call(name string) error {
	s.calls = append(s.calls, name)
	return s.refuse[name]
}

// Read keeps archive.Store's promise: it fails where use did, and where the file did although use did not.
func (s *shelf) Read(_ context.Context, o archive.Object, use func(sealed.Header, io.Reader) error) error {
	if err := s.call("read " + o.Key); err != nil {
		return err
	}
	f, there := s.files[o]
	if !there {
		return fault.BackupCorrupt.Tellf("%s is not in the bucket", o.Key)
	}
	r := io.Reader(bytes.NewReader(f.plain))
	if f.end != nil {
		r = io.MultiReader(r, iotest.ErrReader(f.end))
	}
	if err := use(f.header, r); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

func (s *shelf) Survey(_ context.Context, tier archive.Tier) (archive.Survey, error) {
	return s.survey, s.call("survey " + string(tier))
}

func (s *shelf) Sign(_ context.Context, m archive.Manifest) (archive.Signed, error) {
	if err := s.call("sign"); err != nil {
		return archive.Signed{}, err
	}
	s.signed = m
	return archive.Signed{Manifest: m, SHA256: "digest", VersionID: "version"}, nil
}

const (
	captureID = "3f0c2a52-37a6-5b8e-9a5e-0f6f7d9a1c11"
	index     = 42 // of a snapshot with the meta.json below
	meta      = `{"Version":1,"ID":"bolt-snapshot","Index":42,"Term":3,"Size":5}`
)

var source = sealed.Vault{
	Version: "1.21.0", ClusterID: "cluster", SealType: "shamir", Shares: 5, Threshold: 3, RaftIndex: index,
	AuditDevices: []string{"file/"}, Mounts: []string{"smtp/"},
}

// sample is a raft snapshot at index 42, whole or with an empty sealed list.
func sample(t *testing.T, sealedSums string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := raftsnapshottest.Write(&b, meta, []byte("state"), sealedSums); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// listing is the inventory of two secrets.
func listing() inventory.Inventory {
	return inventory.Inventory{
		Head:   inventory.Head{CaptureID: captureID, ClusterID: source.ClusterID, CapturedAt: night, Salt: strings.Repeat("00", 32)},
		Things: []inventory.Thing{{Kind: "mount", Name: "smtp/", Detail: "kv-v2"}},
		Secrets: []inventory.Secret{
			{Mount: "smtp/", Path: "a/admin", Version: 1, CreatedTime: night, Fingerprint: "aa"},
			{Mount: "smtp/", Path: "b/admin", Version: 7, CreatedTime: night, Gone: true},
		},
	}
}

func write(t *testing.T, inv inventory.Inventory) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := inv.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// captured is a capture as the steps before say it, and a shelf on which it lies.
func captured(t *testing.T) (*shelf, VerifyInput) {
	t.Helper()
	slot := archive.SlotAt(archive.Daily, night)
	in := VerifyInput{
		Slot: slot, CaptureID: captureID, Execution: running,
		Inventory: Inventory{
			Object: archive.Object{Key: slot.Key(archive.InventoryName), VersionID: "i1", Size: 10}, Secrets: 2,
		},
		Snapshot: Snapshot{
			Object: archive.Object{Key: slot.Key(archive.SnapshotName), VersionID: "s1", Size: 1000}, Vault: source, CapturedAt: night,
		},
	}
	header := func(contentType string) sealed.Header {
		return sealed.Header{Meta: sealed.Meta{
			CaptureID: captureID, ContentType: contentType, CreatedAt: night, CreatedBy: running.ARN, Vault: source,
		}}
	}
	return &shelf{
		files: map[archive.Object]file{
			in.Inventory.Object: {header(sealed.ContentInventory), write(t, listing()), nil},
			in.Snapshot.Object:  {header(sealed.ContentSnapshot), sample(t, "sealed sums"), nil},
		},
		refuse: map[string]error{},
	}, in
}

func (s *shelf) alter(o archive.Object, change func(*file)) {
	f := s.files[o]
	change(&f)
	s.files[o] = f
}
