package platform

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"filippo.io/age"
)

// BreakGlassIdentity is the file with the age identity of the platform's break-glass kit. On the day itself nobody has
// more than this, the key shares, the public key of manifests and a copy of the bucket.
func (p *Platform) BreakGlassIdentity() string {
	return filepath.Join(p.dir, "break-glass-identity.txt")
}

// breakGlassRecipient is for whom this platform's backups are sealed; its identity is made at the first deployment.
func (p *Platform) breakGlassRecipient() (string, error) {
	text, err := os.ReadFile(p.BreakGlassIdentity())
	if errors.Is(err, os.ErrNotExist) {
		return p.makeBreakGlass()
	}
	if err != nil {
		return "", err
	}
	identity, err := age.ParseX25519Identity(string(text))
	if err != nil { // which does not quote it
		return "", fmt.Errorf("%s: %w", p.BreakGlassIdentity(), err)
	}
	return identity.Recipient().String(), nil
}

func (p *Platform) makeBreakGlass() (recipient string, err error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return "", err
	}
	return identity.Recipient().String(), os.WriteFile(p.BreakGlassIdentity(), []byte(identity.String()), 0o600)
}
