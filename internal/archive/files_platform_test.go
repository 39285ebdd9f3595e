//go:build platform

package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/penguinmails/disaster-recovery/internal/archive/archivetest"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// drip writes in pieces of an odd size, as a network does.
func drip(plain []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		for len(plain) > 0 {
			n, err := w.Write(plain[:min(70_001, len(plain))])
			if err != nil {
				return err
			}
			plain = plain[n:]
		}
		return nil
	}
}

// Sizes around one part and above: one call, or an upload in parts, with the same lock.
func TestSizesAndLocks(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for i, size := range []int{1, 1 << 20, partSize - 1, partSize, partSize + 1, 20 << 20} {
		tier := Tiers()[i%4]
		plain := noise(uint64(i), size)
		o, err := p.Seal(t.Context(), SlotAt(tier, newYear), SnapshotName, newMeta(), drip(plain))
		if err != nil {
			t.Fatal(err)
		}
		lies := p.body(o.Key, o.VersionID)
		if o.Size != int64(len(lies)) || o.SHA256Sealed != hexSHA256(lies) || o.SHA256Plain != hexSHA256(plain) {
			t.Errorf("%d bytes: %+v is not what lies there", size, o)
		}
		if got, err := read(t.Context(), p.Store, o); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: read back %d, %v", size, len(got), err)
		}
		to := Tiers()[(i+1)%4]
		copied, err := p.Copy(t.Context(), o, SlotAt(to, newYear.Add(time.Hour)), SnapshotName)
		if err != nil || !bytes.Equal(p.body(copied.Key, copied.VersionID), lies) {
			t.Errorf("%d bytes: copied to %+v, %v", size, copied, err)
		}
		if got, err := read(t.Context(), p.Store, copied); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: the copy reads %d, %v", size, len(got), err)
		}
		p.locked(o, tier)
		p.locked(copied, to)
	}
}

// locked holds an object against its tier's lock, and tries to delete it.
func (p place) locked(o Object, tier Tier) {
	p.t.Helper()
	if left := p.lock(o.Key, o.VersionID); left > tier.Lock() || left < tier.Lock()-time.Hour {
		p.t.Errorf("%s, %d bytes: locked for %s, not %s", o.Key, o.Size, left, tier.Lock())
	}
	_, err := p.client.DeleteObject(p.t.Context(), &s3.DeleteObjectInput{Bucket: &p.bucket, Key: &o.Key, VersionId: &o.VersionID})
	if err == nil {
		p.t.Errorf("%s could be deleted", o.Key)
	}
}

// A producer that fails leaves nothing, neither an object nor the parts of one.
func TestNothingIsKept(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	own := errors.New("Vault hung up")
	for _, size := range []int{0, 1 << 20, 20 << 20} {
		for _, end := range []error{own, io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe} {
			_, err := p.Seal(t.Context(), november, SnapshotName, newMeta(), func(w io.Writer) error {
				if err := drip(noise(1, size))(w); err != nil {
					t.Errorf("the upload ended first: %v", err)
				}
				return end
			})
			if err == nil || end != io.ErrClosedPipe && !errors.Is(err, end) {
				t.Errorf("%d bytes, then %v: %v", size, end, err)
			}
			if versions, uploads := p.left(); versions+uploads > 0 {
				t.Errorf("%d bytes, then %v: %d versions and %d uploads are left", size, end, versions, uploads)
			}
		}
	}
}

// A source of a copy that is not what it should be is found out before the last part: no copy stays.
func TestNoFalseCopyIsKept(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	from := Object{Key: november.Key(SnapshotName), SHA256Sealed: hexSHA256(nil)}
	from.VersionID = p.put(from.Key, noise(2, 20<<20), time.Time{})
	if _, err := p.Copy(t.Context(), from, SlotAt(Monthly, newYear), SnapshotName); !fault.Is(err, fault.BackupCorrupt) {
		t.Errorf("%v", err)
	}
	if versions, uploads := p.left(); versions != 1 || uploads > 0 {
		t.Errorf("%d versions and %d uploads are left", versions, uploads)
	}
}

// An upload that S3 refuses, or that is called off, releases the producer wherever it is.
func TestProducerIsReleased(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		size   int
		gone   bool // the bucket, from the start
		midway func(place, context.CancelFunc)
		want   fault.Name
	}{
		"no bucket, one call": {1 << 10, true, nil, fault.AWSRefused},
		"no bucket, in parts": {20 << 20, true, nil, fault.AWSRefused},
		"ended midway":        {60 << 20, false, func(p place, _ context.CancelFunc) { p.abortUploads() }, fault.AWSRefused},
		"called off midway":   {60 << 20, false, func(_ place, cancel context.CancelFunc) { cancel() }, fault.AWSUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			if c.gone {
				p.bucket += "-gone"
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			plain := noise(3, c.size)
			_, err := p.Seal(ctx, november, SnapshotName, newMeta(), func(w io.Writer) error {
				if err := drip(plain[:len(plain)/2])(w); err != nil {
					return err
				}
				if c.midway != nil {
					c.midway(p, cancel)
				}
				return drip(plain[len(plain)/2:])(w)
			})
			if !fault.Is(err, c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if c.gone {
				return
			}
			if versions, uploads := p.left(); versions+uploads > 0 {
				t.Errorf("%d versions and %d uploads are left", versions, uploads)
			}
		})
	}
}

// abortUploads ends the uploads under way, as a lifecycle rule or an administrator may.
func (p place) abortUploads() {
	uploads, err := p.client.ListMultipartUploads(p.t.Context(), &s3.ListMultipartUploadsInput{Bucket: &p.bucket})
	if err != nil || len(uploads.Uploads) != 1 {
		p.t.Errorf("%d uploads, %v", len(uploads.Uploads), err)
		return
	}
	_, err = p.client.AbortMultipartUpload(p.t.Context(), &s3.AbortMultipartUploadInput{
		Bucket: &p.bucket, Key: uploads.Uploads[0].Key, UploadId: uploads.Uploads[0].UploadId,
	})
	if err != nil {
		p.t.Error(err)
	}
}

// Two runs may fill a slot at once: both objects are whole, each under its own version.
func TestSealConcurrently(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var objects [3]Object
	var runs sync.WaitGroup
	for i := range objects {
		runs.Go(func() {
			var err error
			objects[i], err = p.Seal(t.Context(), november, SnapshotName, newMeta(), drip(noise(uint64(i), 10<<20)))
			if err != nil {
				t.Error(err)
			}
		})
	}
	runs.Wait()
	for i, o := range objects {
		if plain, err := read(t.Context(), p.Store, o); err != nil || !bytes.Equal(plain, noise(uint64(i), 10<<20)) {
			t.Errorf("%+v: %d bytes, %v", o, len(plain), err)
		}
	}
	if objects[0].VersionID == objects[1].VersionID || objects[1].VersionID == objects[2].VersionID {
		t.Error("versions are the same")
	}
}

// What an intruder lays on top, or in place, of a file of several parts.
func TestReadAgainstIntruder(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	plain := noise(4, 20<<20)
	o, err := p.Seal(t.Context(), november, SnapshotName, newMeta(), drip(plain))
	if err != nil {
		t.Fatal(err)
	}
	other, err := p.Seal(t.Context(), november, InventoryName, newMeta(), drip(noise(5, 20<<20)))
	if err != nil {
		t.Fatal(err)
	}
	lies := p.body(o.Key, o.VersionID)
	flipped := bytes.Clone(lies)
	flipped[15<<20] ^= 1
	for name, body := range map[string][]byte{
		"flipped":    flipped,
		"truncated":  lies[:len(lies)-1],
		"a part cut": lies[:partSize],
		"lengthened": append(bytes.Clone(lies), 0),
		"another":    p.body(other.Key, other.VersionID),
	} {
		bad := o
		bad.VersionID = p.put(o.Key, body, time.Time{})
		if _, err := read(t.Context(), p.Store, bad); !fault.Is(err, fault.BackupCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := other
	bad.Key, bad.VersionID = o.Key, o.VersionID
	if _, err := read(t.Context(), p.Store, bad); !fault.Is(err, fault.BackupCorrupt) {
		t.Errorf("the other's manifest line: %v", err)
	}
	p.remove(o.Key)
	if got, err := read(t.Context(), p.Store, o); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("buried and hidden: %d bytes, %v", len(got), err)
	}
}

// A file that was sealed with another KMS key does not open, whatever its header says.
func TestReadWithAnotherKey(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	stranger := *p.Store
	stranger.keys.KeyID = archivetest.WrappingKey(t)
	o, err := stranger.Seal(t.Context(), november, SnapshotName, newMeta(), drip(noise(6, 100)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read(t.Context(), p.Store, o); !fault.Is(err, fault.BackupCorrupt) {
		t.Errorf("%v", err)
	}
}
