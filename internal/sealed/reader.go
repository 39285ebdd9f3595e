package sealed

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// Reader opens a sealed file. Its methods must not be called concurrently.
//
// Read hands out a segment as soon as that segment is proven, before the end of the file is seen. A file that was cut
// after a whole segment is therefore only noticed at the cut: act on the plaintext after Read returned io.EOF, not before.
type Reader struct {
	header Header
	src    *source
	stream io.Reader
	read   bool
	err    error // the first error; io.EOF after a whole file
}

// Open reads the header from src, finds the data key with opener and checks that the header commits to it, all before
// the body is touched. ctx is used for the key service alone.
//
// The errors that speak of the file are ErrNotSealed, ErrUnknownVersion, ErrTruncated, ErrHeader, ErrKey and ErrCorrupt.
func Open(ctx context.Context, src io.Reader, opener Opener) (*Reader, error) {
	r := &Reader{src: &source{r: src}}
	p, err := r.readHeader()
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	dataKey, err := opener.DataKey(ctx, r.header)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer clear(dataKey)
	if err := r.header.checkKey(dataKey); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	cipher, err := newStream(dataKey, r.header.FileID)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if r.stream, err = cipher.NewDecryptingReader(r.src, p); err != nil {
		if r.src.err != nil {
			return nil, fmt.Errorf("open: %w", r.src.cause())
		}
		return nil, fmt.Errorf("open: %w: %w", ErrCorrupt, err)
	}
	return r, nil
}

// readHeader reads and parses P, and returns its bytes: they are the associated data of the body.
func (r *Reader) readHeader() ([]byte, error) {
	p := make([]byte, prefixSize, prefixSize+1024)
	n, err := io.ReadFull(r.src, p)
	if !strings.HasPrefix(magic, string(p[:min(n, len(magic))])) {
		return nil, ErrNotSealed
	}
	if n > len(magic) && p[len(magic)] != version {
		return nil, fmt.Errorf("%w: %d", ErrUnknownVersion, p[len(magic)])
	}
	if err != nil {
		return nil, r.src.cause()
	}
	size := binary.BigEndian.Uint32(p[len(magic)+1:])
	if size > maxHeader {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrHeader, size, maxHeader)
	}
	p = append(p, make([]byte, size)...)
	if _, err := io.ReadFull(r.src, p[prefixSize:]); err != nil {
		return nil, r.src.cause()
	}
	r.header, err = parseHeader(p[prefixSize:])
	return p, err
}

// Header returns the header of the file: only a claim until Read returned io.EOF.
func (r *Reader) Header() Header { return r.header }

// Read decrypts the next bytes. Only io.EOF says that the file is whole and unchanged; after ErrCorrupt or ErrEmpty all
// that was read before is worthless. An error that wraps neither came from the source.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	n, err := r.stream.Read(p)
	if n > 0 {
		r.read = true
		return n, nil
	}
	r.err = r.end(err)
	return 0, r.err
}

// end finds out why Tink gave no more bytes. Tink takes io.ErrUnexpectedEOF of the source for a regular end, and says
// io.EOF when it is asked again after a failure: hence the source is asked first, and the first answer is kept.
func (r *Reader) end(err error) error {
	switch {
	case r.src.err != nil && r.src.err != io.EOF:
		return fmt.Errorf("open: %w", r.src.cause())
	case err == io.EOF:
		return io.EOF
	case err != nil:
		return fmt.Errorf("open: %w: %w", ErrCorrupt, err)
	case r.read:
		return fmt.Errorf("open: %w: its last segment is empty", ErrCorrupt)
	default:
		return fmt.Errorf("open: %w", ErrEmpty)
	}
}

// source remembers how reading the file ended.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil {
		s.err = err
	}
	return n, err
}

// cause turns the end of the source, where more was needed, into an error.
func (s *source) cause() error {
	if s.err == io.EOF {
		return ErrTruncated
	}
	return fmt.Errorf("read sealed file: %w", s.err)
}
