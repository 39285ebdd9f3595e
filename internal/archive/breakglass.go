package archive

import (
	"filippo.io/age"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
)

// BreakGlass is who can open new backups besides KMS: the holder of an identity that is kept offline.
type BreakGlass struct {
	// Recipient is the public half of that identity, "age1…"; empty for none.
	Recipient string `env:"BREAK_GLASS_RECIPIENT"`
}

// SealFor returns a store whose Seal seals for b too. A copy is made of what was sealed, and so opens as that does.
func (s *Store) SealFor(b BreakGlass) (*Store, error) {
	if b.Recipient == "" {
		return s, nil
	}
	recipient, err := age.ParseX25519Recipient(b.Recipient)
	if err != nil { // which quotes what was given, and that may be the secret half
		return nil, fault.InvalidConfiguration.Tellf("the parameter BreakGlassRecipient is not an age recipient (age1…)")
	}
	with := *s
	with.sealing = []sealed.Option{sealed.BreakGlass(recipient)}
	return &with, nil
}
