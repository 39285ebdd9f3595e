package tenant

import (
	"cmp"
	"context"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// switchKey is the key of the stop switch among the tenants.
const switchKey = "#automation"

// Switch is the one switch that stops all automation: from then on no recovery starts by itself. What runs goes on, and
// people may start what they like.
type Switch struct {
	Stopped bool      `json:"stopped"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"` // a claim
	At      time.Time `json:"at"` // when the switch was last turned
}

// Validate refuses a turn of the switch that does not say who and why: the next person on duty has to know.
func (s Switch) Validate() error {
	return cmp.Or(checkText("reason", s.Reason, maxText), checkText("by", s.By, maxText))
}

// Switch reads the stop switch. Faults: AWSUnavailable, AWSRefused.
func (b Budget) Switch(ctx context.Context) (Switch, error) {
	stored, err := read(ctx, b.Ledger, b.Registry.Table, switchKey)
	if err != nil || stored == nil {
		return Switch{}, err
	}
	var s Switch
	if err := decode(stored, &s); err != nil {
		return Switch{}, fault.Unexpected.Errorf("the stop switch cannot be read: %w", err)
	}
	return s, nil
}

// Turn turns the switch; At is set here. Once it has returned with Stopped, no Take is granted that was not granted
// before. Faults: InvalidInput, AWSUnavailable, AWSRefused.
func (b Budget) Turn(ctx context.Context, s Switch) error {
	if err := s.Validate(); err != nil {
		return fault.InvalidInput.Tellf("%w", err)
	}
	return untilSettled(ctx, "turn the stop switch", func() (bool, error) {
		_, ok, err := write(ctx, b.Ledger, b.Registry.Table, switchKey, change{
			set: "SET #stopped = :stopped, #reason = :reason, #by = :by, #at = :at",
			values: values{
				"stopped": s.Stopped, "reason": s.Reason, "by": s.By, "at": b.Now().UTC().Truncate(time.Second),
			},
		})
		return ok, err
	})
}
