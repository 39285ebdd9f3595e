package sealed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// BreakGlass wraps the data key for an age recipient too, so that its identity, kept offline, opens the file without AWS.
func BreakGlass(recipient *age.X25519Recipient) Option {
	return func(o *options) { o.recipient = recipient }
}

// WithAge opens files by their age key, without any network. Of several identities the one that fits is used.
func WithAge(identities ...age.Identity) Opener { return ageOpener(identities) }

type ageOpener []age.Identity

func (o ageOpener) DataKey(_ context.Context, h Header) ([]byte, error) {
	k, ok := h.key(keyAge)
	if !ok {
		return nil, fmt.Errorf("%w: it holds no key of type %s", ErrKey, keyAge)
	}
	if len(o) == 0 {
		return nil, errors.New("no age identity given")
	}
	r, err := age.Decrypt(bytes.NewReader(k.Ciphertext), o...)
	if err != nil {
		return nil, fmt.Errorf("%w: age: %w", ErrKey, err)
	}
	// The buffer is whole from the start, so that no smaller copy of the key is left behind, and one byte too long, so
	// that a longer plaintext shows.
	key := make([]byte, keySize+1)
	n, err := io.ReadFull(r, key)
	if !errors.Is(err, io.ErrUnexpectedEOF) || n != keySize {
		clear(key)
		return nil, fmt.Errorf("%w: the age key does not hold a data key", ErrKey)
	}
	return key[:keySize], nil
}

// wrapForAge returns the data key as a binary age file for recipient.
func wrapForAge(dataKey []byte, recipient *age.X25519Recipient) (Key, error) {
	var file bytes.Buffer
	w, err := age.Encrypt(&file, recipient)
	if err != nil {
		return Key{}, fmt.Errorf("wrap the data key for age: %w", err)
	}
	if _, err := w.Write(dataKey); err != nil {
		return Key{}, fmt.Errorf("wrap the data key for age: %w", err)
	}
	if err := w.Close(); err != nil {
		return Key{}, fmt.Errorf("wrap the data key for age: %w", err)
	}
	return Key{Type: keyAge, Recipient: recipient.String(), Ciphertext: file.Bytes()}, nil
}
