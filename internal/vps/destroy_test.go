package vps_test

import (
	"slices"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

func destroyInput(n int, keep string) vps.DestroyInput {
	return vps.DestroyInput{TenantID: "acme", Keep: keep, Execution: run(n)}
}

func TestDestroyTakesOnlyWhatThisExecutionBuilt(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	old := p.mustCreate(specOf(t, "old"))
	built, err := p.provisioner(newBoots(t)).Provision(t.Context(), provisionInput(1))
	if err != nil {
		t.Fatal(err)
	}
	mine := p.provider.Servers()[1]
	p.until(mine.ID, vps.Running)

	// The same attempt's label on another tenant's server does not make it ours.
	foreign := specOf(t, "foreign")
	foreign.TenantID, foreign.Labels[vps.LabelAttempt] = "other", mine.Labels[vps.LabelAttempt]
	stranger := p.mustCreate(foreign)

	for name, in := range map[string]vps.DestroyInput{
		"another execution": destroyInput(2, text(old.ID)),
		"what is to stay":   destroyInput(1, built.ServerID),
	} {
		gone, err := vps.Destroyer{Project: p}.Destroy(t.Context(), in)
		if err != nil || gone.ServerIDs == nil || len(gone.ServerIDs) != 0 {
			t.Errorf("%s: %v, %v", name, gone, err)
		}
	}
	gone, err := vps.Destroyer{Project: p}.Destroy(t.Context(), destroyInput(1, text(old.ID)))
	if err != nil || !slices.Equal(gone.ServerIDs, []string{built.ServerID}) {
		t.Errorf("destroyed %v, %v; want %s", gone, err, built.ServerID)
	}
	p.until(mine.ID, vps.Gone)
	for _, s := range []vps.Server{old, stranger} {
		if state := p.state(s.ID); state != vps.Running {
			t.Errorf("%s is %s", s, state)
		}
	}
	if gone, err := (vps.Destroyer{Project: p}).Destroy(t.Context(), destroyInput(1, text(old.ID))); err != nil || len(gone.ServerIDs) != 0 {
		t.Errorf("again: %v, %v", gone, err)
	}
}

// Where mail may have been delivered, nothing is deleted: not by this clean-up, and not by the next, which does not know.
func TestDestroyKeepsWhatMayHoldMail(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	old := p.mustCreate(specOf(t, "old"))
	for n := 1; n <= 2; n++ {
		in := provisionInput(n)
		in.Fencing = int64(6 + n)
		provisioner := p.provisioner(newBoots(t))
		provisioner.Lease = holder(in.Fencing)
		if _, err := provisioner.Provision(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	first, second := p.provider.Servers()[1].ID, p.provider.Servers()[2].ID
	in := destroyInput(1, text(old.ID))
	in.Served = true
	done, err := vps.Destroyer{Project: p}.Destroy(t.Context(), in)
	if err != nil || !slices.Equal(done.KeptIDs, []string{text(first)}) || len(done.ServerIDs) != 0 {
		t.Fatalf("Destroy = %+v, %v", done, err)
	}
	p.until(first, vps.Off)
	in = destroyInput(1, text(old.ID))
	in.Builders, in.Execution = []string{run(1).ARN, run(2).ARN}, run(9)
	done, err = vps.Destroyer{Project: p}.Destroy(t.Context(), in)
	if err != nil || !slices.Equal(done.KeptIDs, []string{text(first)}) || !slices.Equal(done.ServerIDs, []string{text(second)}) {
		t.Errorf("Destroy = %+v, %v", done, err)
	}
	p.until(second, vps.Gone)
	if state := p.state(first); state != vps.Off {
		t.Errorf("the server that may hold mail is %s", state)
	}
	wantFault(t, p.Delete(t.Context(), first), fault.ProviderRefused, "protected")
}

func TestDestroyMustKnowWhatToKeep(t *testing.T) {
	t.Parallel()
	for _, id := range untouchable {
		_, err := vps.Destroyer{Project: sealed{t}}.Destroy(t.Context(), destroyInput(1, id))
		wantFault(t, err, fault.InvalidInput, "no server id")
	}
}
