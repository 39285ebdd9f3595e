package tenant

import (
	"context"
	"math"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/task"
)

// MoveInput is the payload of MoveTenant.
type MoveInput struct {
	Move
	Execution task.Execution `json:"execution"`
}

// Validate checks every part.
func (in MoveInput) Validate() error {
	if err := in.Move.Validate(); err != nil {
		return err
	}
	return in.Execution.Validate()
}

// Recovered is the move, and how long the recovery took up to it: the recovery time.
type Recovered struct {
	Moved
	RecoverySeconds float64 `json:"recovery_seconds"`
}

// Mover is the step MoveTenant.
type Mover struct {
	Registry Registry
	Now      func() time.Time
}

// Move records the tenant's new server. Faults: those of Registry.Move.
func (m Mover) Move(ctx context.Context, in MoveInput) (Recovered, error) {
	moved, err := m.Registry.Move(ctx, in.Move)
	if err != nil {
		return Recovered{}, err
	}
	took := m.Now().Sub(in.Execution.StartedAt).Seconds()
	return Recovered{Moved: moved, RecoverySeconds: math.Round(took*10) / 10}, nil
}
