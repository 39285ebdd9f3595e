package restore

import (
	"context"

	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// The marker is a secret that RestoreSnapshot writes just before it feeds Vault a snapshot: the snapshot does not know it.
// Vault acknowledges first and applies afterwards, and its health, its identity and all older secrets look right
// meanwhile; that the marker is gone is the proof.
const (
	markerMount = "dr/"
	markerPath  = "restore-marker"
	markerField = "execution"
)

// mark leaves the marker of an execution.
func mark(ctx context.Context, s *vault.Session, execution string) error {
	return s.PutSecret(ctx, markerMount, markerPath, map[string]any{markerField: execution})
}

// marked reports whether the marker of the execution stands. One of another execution was in the snapshot itself.
func marked(ctx context.Context, s *vault.Session, execution string) (bool, error) {
	found, err := s.ReadSecret(ctx, markerMount, markerPath, 0)
	if err != nil {
		return true, err
	}
	return found != nil && found.Data[markerField] == execution, nil
}
