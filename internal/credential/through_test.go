package credential_test

import (
	"context"
	"slices"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/credential"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
)

// refusing is a Mailu whose API refuses: whatever way is tried first, its own command is taken.
type refusing struct{ credential.Mailbox }

func (refusing) Through() mailu.Through { return mailu.ThroughCommand }

// The first step finds out which way is open, and the later ones are told: an API that is asked with a wrong token again and
// again refuses everybody in the end.
func TestTheWayIsHandedOn(t *testing.T) {
	q := newQuiet()
	var known []mailu.Through
	open := func(_ context.Context, _ mailu.Secrets, _ string, _ mailu.Server, way mailu.Through) (credential.Mailbox, func(), error) {
		known = append(known, way)
		return refusing{q.steps.mailbox}, func() {}, nil
	}
	staged := q.stage(t, byHand)
	set, err := credential.Setter{Registry: q.steps.registry, Restores: q.steps.restores, Login: q.steps.login, Open: open}.
		Set(t.Context(), mailu.SetInput{Tenant: staged.Tenant, Server: staged.Server, Pending: true, Execution: execution})
	if err != nil || set.Through != mailu.ThroughCommand {
		t.Fatalf("Set = %+v, %v", set, err)
	}
	in := credential.TestInput{Rotation: staged, Through: set.Through, Execution: execution}
	tester := credential.Tester{Registry: q.steps.registry, Login: q.steps.login, Open: open, Client: q.steps.client, Now: now}
	if _, err := tester.Test(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	committer := credential.Committer{Registry: q.steps.registry, Servers: q.steps.servers, Login: q.steps.login, Open: open}
	committed, err := committer.Commit(t.Context(), credential.CommitInput(in))
	if err != nil || !committed.Installed || committed.Through != mailu.ThroughCommand {
		t.Errorf("Commit = %+v, %v", committed, err)
	}
	if want := []mailu.Through{"", mailu.ThroughCommand, mailu.ThroughCommand}; !slices.Equal(known, want) {
		t.Errorf("the steps were told %q, want %q", known, want)
	}
	in.Through = "telnet"
	if in.Validate() == nil {
		t.Error("a way that there is not is taken")
	}
}
