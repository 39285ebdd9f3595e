package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
)

// Seal writes one sealed object into a slot: fill writes the plaintext, which is hashed, encrypted and uploaded as it
// comes. When fill fails the upload is aborted and nothing is kept. Writing a slot again makes new versions; which one
// counts is said by the manifest alone.
func (s *Store) Seal(ctx context.Context, slot Slot, name string, meta sealed.Meta, fill func(io.Writer) error) (Object, error) {
	var (
		object = Object{Key: slot.Key(name)}
		outer  = newCounter()
		inner  = newCounter()
	)
	err := s.upload(ctx, slot, &object, func(w io.Writer) error {
		file, err := sealed.NewWriter(ctx, io.MultiWriter(w, outer), meta, s.keys, s.sealing...)
		if err != nil {
			return awsfault.From(err, "seal %s", object.Key)
		}
		object.FileID = file.Header().FileID
		if err := fill(io.MultiWriter(file, inner)); err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return fault.Unexpected.Errorf("seal %s: %w", object.Key, err)
		}
		return nil
	})
	object.Size, object.SHA256Sealed, object.SHA256Plain = outer.size, outer.sum(), inner.sum()
	return object, err
}

// Copy writes a sealed object of one slot anew into another, byte for byte, under the other tier's lock.
func (s *Store) Copy(ctx context.Context, from Object, to Slot, name string) (Object, error) {
	object := Object{Key: to.Key(name), FileID: from.FileID, SHA256Plain: from.SHA256Plain}
	outer := newCounter()
	err := s.upload(ctx, to, &object, func(w io.Writer) error {
		body, err := s.get(ctx, from.Key, from.VersionID)
		if err != nil {
			return err
		}
		defer body.Close()
		if _, err := io.Copy(io.MultiWriter(w, outer), body); err != nil {
			return awsfault.From(err, "read %s", from.Key)
		}
		if outer.sum() != from.SHA256Sealed {
			return fault.BackupCorrupt.Tellf("%s is not what its manifest says", from.Key)
		}
		return nil
	})
	object.Size, object.SHA256Sealed = outer.size, outer.sum()
	return object, err
}

// upload streams what produce writes into object.Key under the slot's lock, and sets the version that came of it.
func (s *Store) upload(ctx context.Context, slot Slot, object *Object, produce func(io.Writer) error) error {
	reader, writer := io.Pipe()
	produced := make(chan error, 1)
	go func() {
		err := produce(writer)
		if err == nil {
			writer.Close()
		} else { // a wrapping that is never io.EOF: to the uploader that would be the end of a whole file
			writer.CloseWithError(fmt.Errorf("%s is abandoned: %w", object.Key, err))
		}
		produced <- err
	}()
	out, err := s.uploader.UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket:                    aws.String(s.bucket),
		Key:                       aws.String(object.Key),
		Body:                      reader,
		ContentType:               aws.String("application/octet-stream"),
		ChecksumAlgorithm:         types.ChecksumAlgorithmCrc32,
		ObjectLockMode:            types.ObjectLockModeCompliance,
		ObjectLockRetainUntilDate: aws.Time(s.now().Add(slot.Tier.Lock())),
	})
	reader.CloseWithError(io.ErrClosedPipe) // an upload that ended early must not leave the producer waiting
	cause := <-produced
	switch {
	case cause != nil && !errors.Is(cause, io.ErrClosedPipe):
		return cause
	case err != nil:
		return awsfault.From(err, "upload %s", object.Key)
	case cause != nil:
		return fault.Unexpected.Errorf("upload %s: it ended before the file did: %w", object.Key, cause)
	}
	object.VersionID = aws.ToString(out.VersionID)
	return nil
}

// counter counts and hashes what passes.
type counter struct {
	hash hash.Hash
	size int64
}

func newCounter() *counter { return &counter{hash: sha256.New()} }

func (c *counter) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	return c.hash.Write(p)
}

func (c *counter) sum() string { return hex.EncodeToString(c.hash.Sum(nil)) }
