package remote

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// hostKeyPath is where sshd looks for its ed25519 host key unless its configuration says otherwise.
const hostKeyPath = "/etc/ssh/ssh_host_ed25519_key"

// successorInfo separates this derivation from every other use of the same key.
const successorInfo = "PMDR/1 ssh host key"

// HostKey is an ed25519 host key that this program made.
type HostKey struct {
	// Public is the line to pin: "ssh-ed25519 AAAA…".
	Public  string
	private secret.String // OpenSSH PEM
}

// keyMaterial is a private key as PKCS #8, so that the same key in another wrapping gives the same derived ones.
func keyMaterial(login secret.String) ([]byte, error) {
	unusable := fault.CredentialMissing.Errorf("the private key is not usable") // the parser's error may quote it
	parsed, err := ssh.ParseRawPrivateKey([]byte(login.Reveal()))
	if err != nil {
		return nil, unusable
	}
	if k, ok := parsed.(*ed25519.PrivateKey); ok {
		parsed = *k // x509 wants the key itself, ssh hands out a pointer
	}
	ikm, err := x509.MarshalPKCS8PrivateKey(parsed)
	if err != nil {
		return nil, unusable
	}
	return ikm, nil
}

// Successor is the host key that replaces a server's bootstrap key. The bootstrap key came to the server in its
// user-data, which the provider can read and keep; the successor never leaves the SSH connection.
//
// It is derived, with HKDF-SHA256, from the private key that logs in there, salted with the bootstrap key: a step that
// crashed between replacing the key and writing it down finds, on its next run, the same key again and can log in. Who
// holds the login key owns the server anyway.
func Successor(login secret.String, bootstrap string) (HostKey, error) {
	pins, err := parsePins([]string{bootstrap})
	if err != nil {
		return HostKey{}, fault.InvalidInput.Tellf("the bootstrap key: %w", err)
	}
	ikm, err := keyMaterial(login)
	if err != nil {
		return HostKey{}, err
	}
	seed, err := hkdf.Key(sha256.New, ikm, pins[0].Marshal(), successorInfo, ed25519.SeedSize)
	if err != nil {
		return HostKey{}, fault.Unexpected.Errorf("derive the host key: %w", err)
	}
	return newHostKey(ed25519.NewKeyFromSeed(seed))
}

func newHostKey(key ed25519.PrivateKey) (HostKey, error) {
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return HostKey{}, fault.Unexpected.Errorf("host key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		return HostKey{}, fault.Unexpected.Errorf("host key: %w", err)
	}
	return HostKey{Public: line(public), private: secret.New(string(pem.EncodeToMemory(block)))}, nil
}

// ReplaceHostKey makes key the server's ed25519 host key: it writes both files, runs restart, the command that makes
// sshd read them ("systemctl restart ssh"), and logs in once more to see that it did. It returns the line to pin from
// now on. The session itself goes on. A server that already shows this key is left as it is.
func (s *Session) ReplaceHostKey(ctx context.Context, key HostKey, restart string) (string, error) {
	if s.hostKey == key.Public {
		return key.Public, nil
	}
	if err := s.WriteFile(ctx, hostKeyPath+".pub", 0o644, []byte(key.Public+"\n")); err != nil {
		return "", err
	}
	if err := s.WriteFile(ctx, hostKeyPath, 0o600, []byte(key.private.Reveal())); err != nil {
		return "", err
	}
	if _, err := s.Run(ctx, restart, nil); err != nil {
		return "", err
	}
	return key.Public, s.await(ctx, key.Public)
}

// patience is how long sshd may take to come back, and pause how long to wait between two looks.
const (
	patience = 15 * time.Second
	pause    = 100 * time.Millisecond
)

// await logs in until the server shows the new key. Until then it may refuse the connection, or still show the old one.
func (s *Session) await(ctx context.Context, public string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		again, err := Dial(ctx, s.address, s.user, s.key, public)
		if err == nil {
			return again.Close()
		}
		if !fault.Is(err, fault.ServerUnreachable) && !fault.Is(err, fault.HostKeyMismatch) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
