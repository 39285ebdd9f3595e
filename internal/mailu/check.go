package mailu

import (
	"context"
	"log/slog"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// CheckInput asks whether Mailu has started.
type CheckInput struct {
	Tenant Tenant `json:"tenant"`
	Server Server `json:"server"`
	// Checks counts the checks before this one.
	Checks    int            `json:"checks"`
	Execution task.Execution `json:"execution"`
}

// Validate checks every part.
func (in CheckInput) Validate() error {
	return ConfigureInput{Tenant: in.Tenant, Server: in.Server, Execution: in.Execution}.Validate()
}

// State is how far Mailu is.
type State string

const (
	// Starting: no answer yet. The admin container alone takes 6 to 10 seconds, and the images must be there first.
	Starting State = "starting"
	// Ready: the API answers, with its database and every DKIM key.
	Ready State = "ready"
)

// Checked is what CheckMailu found.
type Checked struct {
	State State `json:"state"`
	// Checks counts the checks up to this one.
	Checks int `json:"checks"`
}

// Checker is the step CheckMailu.
type Checker struct{ Login Login }

// Check asks the API through the tunnel. Not to answer is a state here and no fault; to refuse is a fault.
func (c Checker) Check(ctx context.Context, in CheckInput) (Checked, error) {
	found := Checked{State: Ready, Checks: in.Checks + 1}
	key, token, err := access(ctx, c.Login, in.Tenant.ID)
	if err != nil {
		return Checked{}, err
	}
	err = in.Server.within(ctx, key, token, func(api *Client) error { return api.Ready(ctx) })
	if fault.Is(err, fault.MailuUnavailable) || fault.Is(err, fault.ServerUnreachable) {
		slog.InfoContext(ctx, "not ready", "error", err.Error())
		found.State, err = Starting, nil
	}
	if err != nil {
		return Checked{}, err
	}
	return found, nil
}
