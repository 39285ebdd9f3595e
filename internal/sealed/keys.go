package sealed

import (
	"context"
	"crypto/subtle"
	"fmt"
)

// App is the value of "app" in the encryption context of every data key.
const App = "penguinmails-dr"

// KeyWrapper makes the data key of a new file.
type KeyWrapper interface {
	// GenerateDataKey returns a fresh random key of 32 bytes, the same key wrapped so that only the same context unwraps
	// it, and the ARN of the key that wrapped it. The caller wipes plaintext.
	GenerateDataKey(ctx context.Context, encryptionContext map[string]string) (plaintext, wrapped []byte, keyARN string, err error)
}

// KeyUnwrapper opens the data key of an existing file.
type KeyUnwrapper interface {
	// UnwrapDataKey returns the data key, which the caller wipes. It uses the key it was configured with, whatever the
	// header says: else whoever writes the header chooses which key is trusted. An error that wraps ErrKey means that this
	// key does not open it; any other error means that the key service did not answer the question.
	UnwrapDataKey(ctx context.Context, wrapped []byte, encryptionContext map[string]string) ([]byte, error)
}

// Opener finds the data key of a file: WithKMS, or WithAge when AWS is not there.
type Opener interface {
	// DataKey returns the 32-byte data key, which the caller wipes. It wraps ErrKey if the file is not for this opener.
	DataKey(ctx context.Context, h Header) ([]byte, error)
}

// WithKMS opens files by the key that KMS wrapped.
func WithKMS(u KeyUnwrapper) Opener { return kmsOpener{u} }

type kmsOpener struct{ KeyUnwrapper }

func (o kmsOpener) DataKey(ctx context.Context, h Header) ([]byte, error) {
	k, ok := h.key(keyKMS)
	if !ok {
		return nil, fmt.Errorf("%w: it holds no key of type %s", ErrKey, keyKMS)
	}
	return o.UnwrapDataKey(ctx, k.Ciphertext, h.encryptionContext())
}

// encryptionContext is what KMS binds the wrapped key to: a wrapped key copied into another file does not open.
func (h Header) encryptionContext() map[string]string {
	return map[string]string{"app": App, "file_id": h.FileID, "content_type": h.ContentType}
}

// checkKey refuses a data key that the header does not commit to.
func (h Header) checkKey(dataKey []byte) error {
	if len(dataKey) != keySize {
		return fmt.Errorf("%w: the data key has %d bytes, not %d", ErrKey, len(dataKey), keySize)
	}
	commitment, err := commit(dataKey, h.FileID)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(commitment), []byte(h.KeyCommitment)) != 1 {
		return fmt.Errorf("%w: the header commits to another data key", ErrKey)
	}
	return nil
}
