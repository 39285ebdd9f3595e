package remote

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"

	"golang.org/x/crypto/ssh"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// bootstrapInfo separates this derivation from every other use of the same key.
const bootstrapInfo = "PMDR/1 ssh bootstrap host key"

// Bootstrap is the host key that a new server is born with, for one login. It is derived from the private key that will
// log in there and from the attempt, so that a repeated step orders the very same server; the login key cannot be found
// from it.
func Bootstrap(login secret.String, attempt string) (HostKey, error) {
	ikm, err := keyMaterial(login)
	if err != nil {
		return HostKey{}, err
	}
	seed, err := hkdf.Key(sha256.New, ikm, []byte(attempt), bootstrapInfo, ed25519.SeedSize)
	if err != nil {
		return HostKey{}, fault.Unexpected.Errorf("derive the bootstrap host key: %w", err)
	}
	return newHostKey(ed25519.NewKeyFromSeed(seed))
}

// Private is the key in OpenSSH PEM form. Only a bootstrap key is ever handed out: user-data carries it.
func (k HostKey) Private() secret.String { return k.private }

// PublicLine is the authorized_keys line of a private key in PEM form.
func PublicLine(key secret.String) (string, error) {
	signer, err := ssh.ParsePrivateKey([]byte(key.Reveal()))
	if err != nil {
		return "", fault.CredentialMissing.Errorf("the private key is not usable") // err may quote it
	}
	return line(signer.PublicKey()), nil
}
