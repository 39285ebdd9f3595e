package archive

import (
	"cmp"
	"context"
	"errors"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
)

// Read opens one sealed object and hands its plaintext to use. It returns nil only if use did, and if the object was
// then read to its end and is, byte for byte, what o says. Until it returned, use must not act on what it read: the
// cipher hands out segments before the end is seen.
func (s *Store) Read(ctx context.Context, o Object, use func(sealed.Header, io.Reader) error) error {
	body, err := s.get(ctx, o.Key, o.VersionID)
	if err != nil {
		return err
	}
	defer body.Close()
	outer, inner := newCounter(), newCounter()
	file, err := sealed.Open(ctx, io.TeeReader(body, outer), sealed.WithKMS(s.keys))
	if err != nil {
		return unreadable(err, o.Key)
	}
	plain := readAhead(io.TeeReader(&named{file, o.Key}, inner))
	defer func() {
		_ = body.Close()
		plain.stop()
	}()
	if err := use(file.Header(), plain); err != nil {
		return cmp.Or(plain.failure(), err) // a source that broke off explains whatever use made of the rest
	}
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return err
	}
	switch {
	case file.Header().FileID != o.FileID:
		return fault.BackupCorrupt.Tellf("%s holds another file than its manifest says", o.Key)
	case outer.sum() != o.SHA256Sealed || outer.size != o.Size || inner.sum() != o.SHA256Plain:
		return fault.BackupCorrupt.Tellf("%s is not what its manifest says", o.Key)
	}
	return nil
}

func (s *Store) get(ctx context.Context, key, version string) (io.ReadCloser, error) {
	out, err := s.s3.GetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String(s.bucket), Key: aws.String(key), VersionId: aws.String(version),
	})
	switch awsfault.Code(err) {
	case "NoSuchKey", "NoSuchVersion":
		return nil, fault.BackupCorrupt.Tellf("%s is not in the bucket", key)
	}
	if err != nil {
		return nil, awsfault.From(err, "read %s", key)
	}
	return out.Body, nil
}

// named gives the errors of a sealed file their names as they are met, so that whoever reads it can pass them on.
type named struct {
	file io.Reader
	key  string
}

func (n *named) Read(p []byte) (int, error) {
	read, err := n.file.Read(p)
	if err != nil && err != io.EOF {
		err = unreadable(err, n.key)
	}
	return read, err
}

// unreadable tells a file that is wrong from a network that is.
func unreadable(err error, key string) error {
	for _, is := range []error{
		sealed.ErrNotSealed, sealed.ErrUnknownVersion, sealed.ErrTruncated, sealed.ErrHeader,
		sealed.ErrKey, sealed.ErrCorrupt, sealed.ErrEmpty,
	} {
		if errors.Is(err, is) {
			return fault.BackupCorrupt.Tellf("%s: %w", key, is)
		}
	}
	return awsfault.From(err, "read %s", key)
}
