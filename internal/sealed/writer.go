package sealed

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"
)

// Option changes how NewWriter seals: BreakGlass is the only one.
type Option func(*options)

type options struct{ recipient *age.X25519Recipient }

// Writer seals what is written to it. Its methods must not be called concurrently.
type Writer struct {
	header Header
	stream io.WriteCloser
	wrote  bool
	closed bool
	err    error // the first error; a Writer that failed once never seals
}

// NewWriter makes a data key and writes the header to dst; the plaintext then goes to the Writer, and Close completes the
// file. File id, key commitment and keys are added to meta. ctx is used for the key service alone. Nothing reaches dst
// if the key service fails or, with ErrHeader, if meta is not valid.
func NewWriter(ctx context.Context, dst io.Writer, meta Meta, wrapper KeyWrapper, opts ...Option) (*Writer, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	h := Header{FileID: newFileID(), Meta: normalize(meta)}

	dataKey, wrapped, keyARN, err := wrapper.GenerateDataKey(ctx, h.encryptionContext())
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	defer clear(dataKey)
	if len(dataKey) != keySize {
		return nil, fmt.Errorf("seal: the data key has %d bytes, not %d", len(dataKey), keySize)
	}
	h.Keys = []Key{{Type: keyKMS, KeyARN: keyARN, Ciphertext: wrapped}}
	if o.recipient != nil {
		k, err := wrapForAge(dataKey, o.recipient)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		h.Keys = append(h.Keys, k)
	}
	if h.KeyCommitment, err = commit(dataKey, h.FileID); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	cipher, err := newStream(dataKey, h.FileID)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	p, err := h.marshal()
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if _, err := dst.Write(p); err != nil {
		return nil, fmt.Errorf("seal: write header: %w", err)
	}
	stream, err := cipher.NewEncryptingWriter(dst, p)
	if err != nil {
		return nil, fmt.Errorf("seal: write body: %w", err)
	}
	return &Writer{header: h, stream: stream}, nil
}

func newFileID() string {
	id := make([]byte, fileIDSize)
	rand.Read(id) // never fails: crypto/rand ends the program first
	return hex.EncodeToString(id)
}

// normalize gives meta the one form in which it is written.
func normalize(m Meta) Meta {
	if !m.CreatedAt.IsZero() {
		m.CreatedAt = m.CreatedAt.UTC().Truncate(time.Second)
	}
	if m.Vault.AuditDevices == nil {
		m.Vault.AuditDevices = []string{}
	}
	if m.Vault.Mounts == nil {
		m.Vault.Mounts = []string{}
	}
	return m
}

// Header returns the header as it was written.
func (w *Writer) Header() Header { return w.header }

// Write encrypts p. Up to one segment stays in memory until the next Write or Close.
func (w *Writer) Write(p []byte) (int, error) {
	if w.closed {
		return 0, errors.New("seal: write after close")
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.stream.Write(p)
	if err != nil {
		w.err = fmt.Errorf("seal: write body: %w", err)
	}
	w.wrote = w.wrote || n > 0
	return n, w.err
}

// Close writes the last segment; what was written so far becomes a valid file. So call it when the plaintext is whole,
// and never in a defer: a Writer whose plaintext broke off is abandoned, and its file then does not open. Close returns
// ErrEmpty if nothing was written, and the first error of Write if there was one. It does not close dst.
func (w *Writer) Close() error {
	if w.closed || w.err != nil {
		return w.err
	}
	w.closed = true
	if !w.wrote {
		w.err = fmt.Errorf("seal: %w", ErrEmpty)
	} else if err := w.stream.Close(); err != nil {
		w.err = fmt.Errorf("seal: write last segment: %w", err)
	}
	return w.err
}
