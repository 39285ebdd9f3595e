package vps_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

func fenceInput(id string) vps.FenceInput {
	return vps.FenceInput{TenantID: "acme", Fencing: 7, ServerID: id, Execution: run(1)}
}

func TestFenceCutsOneServerAndNoOther(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	old, other := p.mustCreate(specOf(t, "one")), p.mustCreate(specOf(t, "two"))
	fencer := vps.Fencer{Project: p, Lease: holder(7)}
	for _, want := range []vps.State{vps.Running, vps.Off} { // twice: one that is off stays so
		fenced, err := fencer.Fence(t.Context(), fenceInput(text(old.ID)))
		if err != nil || fenced != (vps.Fenced{ServerID: text(old.ID), State: want}) {
			t.Fatalf("Fence = %+v, %v; want a server that was %s", fenced, err, want)
		}
		p.until(old.ID, vps.Off)
	}
	if state := p.state(other.ID); state != vps.Running {
		t.Errorf("the other server is %s", state)
	}

	reboot := fenceInput(text(old.ID))
	reboot.Reboot = true
	if _, err := fencer.Fence(t.Context(), reboot); err != nil {
		t.Fatal(err)
	}
	p.until(old.ID, vps.Running)
}

func TestFenceOfWhatIsGone(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	for _, reboot := range []bool{false, true} {
		in := fenceInput("4711")
		in.Reboot = reboot
		fenced, err := vps.Fencer{Project: p, Lease: holder(7)}.Fence(t.Context(), in)
		if err != nil || fenced.State != vps.Gone {
			t.Errorf("reboot %v: %+v, %v", reboot, fenced, err)
		}
	}
}

func TestFenceTouchesNothing(t *testing.T) {
	t.Parallel()
	_, err := vps.Fencer{Project: sealed{t}, Lease: holder(8)}.Fence(t.Context(), fenceInput("4711"))
	wantFault(t, err, fault.LeaseLost, "acme")
	for _, id := range untouchable {
		_, err := vps.Fencer{Project: sealed{t}, Lease: holder(7)}.Fence(t.Context(), fenceInput(id))
		wantFault(t, err, fault.InvalidInput, "no server id")
	}
}

func TestFenceOfAProviderThatIsSilent(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.provider.SetFaults(server.Faults{Unreachable: true})
	_, err := vps.Fencer{Project: p, Lease: holder(7)}.Fence(t.Context(), fenceInput("4711"))
	wantFault(t, err, fault.ProviderUnavailable, "")
	_, err = vps.Checker{Project: p}.Check(t.Context(), vps.CheckInput{ServerID: "4711", Execution: run(1)})
	wantFault(t, err, fault.ProviderUnavailable, "")
}

// door is open or not, and notes where it was knocked.
type door struct {
	open    bool
	err     error
	knocked []string
}

func (d *door) Open(_ context.Context, tenantID string, ip netip.Addr, hostKey string) (bool, error) {
	d.knocked = append(d.knocked, tenantID+" "+ip.String()+" "+hostKey)
	return d.open, d.err
}

func TestCheck(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	runs, off := p.mustCreate(specOf(t, "one")), p.mustCreate(specOf(t, "two"))
	p.off(off.ID)
	p.provider.SetFaults(server.Faults{NeverBoots: true})
	starts, err := p.Create(t.Context(), specOf(t, "three"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		id      int64
		hostKey string
		open    bool
		want    vps.Checked
		knocked bool
	}{
		"runs, open":   {runs.ID, "key", true, vps.Checked{State: vps.Running, Up: true, IP: runs.IPv4}, true},
		"runs, shut":   {runs.ID, "key", false, vps.Checked{State: vps.Running, IP: runs.IPv4}, true},
		"runs, no key": {runs.ID, "", true, vps.Checked{State: vps.Running, IP: runs.IPv4}, false},
		"is off":       {off.ID, "key", true, vps.Checked{State: vps.Off, Fenced: true, IP: off.IPv4}, false},
		"starts":       {starts.ID, "key", true, vps.Checked{State: vps.Starting, IP: starts.IPv4}, false},
		"is gone":      {4711, "key", true, vps.Checked{State: vps.Gone, Fenced: true}, false},
	} {
		d := &door{open: tt.open}
		in := vps.CheckInput{TenantID: "acme", ServerID: text(tt.id), HostKey: tt.hostKey, Checks: 2, Execution: run(1)}
		got, err := vps.Checker{Project: p, Door: d}.Check(t.Context(), in)
		tt.want.Checks = 3
		if tt.want.State != vps.Gone {
			tt.want.Region, tt.want.Type = "fsn1", "cx32"
		}
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, tt.want)
		}
		if knocked := len(d.knocked) == 1; knocked != tt.knocked || knocked && d.knocked[0] != "acme "+runs.IPv4.String()+" key" {
			t.Errorf("%s: knocked %q", name, d.knocked)
		}
	}
}

func TestCheckFaults(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	runs := p.mustCreate(specOf(t, "one"))
	in := vps.CheckInput{TenantID: "acme", ServerID: text(runs.ID), HostKey: "key", Execution: run(1)}
	got, err := vps.Checker{Project: p, Door: &door{err: fault.HostKeyMismatch.Tellf("another key")}}.Check(t.Context(), in)
	wantFault(t, err, fault.HostKeyMismatch, "another key")
	if got.Up {
		t.Error("a server with another key is up")
	}
	for _, id := range untouchable {
		in.ServerID = id
		_, err := vps.Checker{Project: sealed{t}, Door: &door{}}.Check(t.Context(), in)
		wantFault(t, err, fault.InvalidInput, "no server id")
	}
}
