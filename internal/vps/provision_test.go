package vps_test

import (
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

func (p *project) provisioner(b vps.Booter) vps.Provisioner {
	return vps.Provisioner{Project: p, Lease: holder(7), Boots: b}
}

func provisionInput(n int) vps.ProvisionInput {
	return vps.ProvisionInput{
		TenantID: "acme", Fencing: 7, Hostname: "mail.acme.example", Type: "cx32", Regions: []string{"nbg1", "fsn1"}, Execution: run(n),
	}
}

func TestProvisionTwiceOrdersOneServer(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	step := p.provisioner(newBoots(t))
	first, err := step.Provision(t.Context(), provisionInput(1))
	if err != nil {
		t.Fatal(err)
	}
	again, err := step.Provision(t.Context(), provisionInput(1))
	if err != nil || again != first || !first.Bootstrap || first.Region != "nbg1" {
		t.Errorf("first %+v, again %+v, %v", first, again, err)
	}
	all := p.provider.Servers()
	if len(all) != 1 || text(all[0].ID) != first.ServerID || all[0].Name != "mail-acme-example-7" || all[0].HostKey != first.HostKey {
		t.Fatalf("there are %+v, ordered was %+v", all, first)
	}
	if labels := all[0].Labels; labels[vps.LabelTenant] != "acme" || labels[vps.LabelRole] != "mail" || len(labels[vps.LabelAttempt]) != 32 {
		t.Errorf("its labels are %v", labels)
	}

	next := provisionInput(2)
	next.Fencing = 8
	other, err := vps.Provisioner{Project: p, Lease: holder(8), Boots: step.Boots}.Provision(t.Context(), next)
	if err != nil || other.ServerID == first.ServerID || other.HostKey == first.HostKey {
		t.Errorf("another execution got %+v, %v", other, err)
	}
}

func TestProvisionKeepsALongNameWithinALabel(t *testing.T) {
	t.Parallel()
	p, in := newProject(t), provisionInput(1)
	in.Hostname = strings.Repeat("a", 60) + ".b.example"
	if _, err := p.provisioner(newBoots(t)).Provision(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if name := p.provider.Servers()[0].Name; len(name) > 63 || !strings.HasSuffix(name, "-7") {
		t.Errorf("the server's name is %q", name)
	}
}

func TestProvisionTouchesNothingWithoutTheLease(t *testing.T) {
	t.Parallel()
	step := vps.Provisioner{Project: sealed{t}, Lease: holder(8), Boots: newBoots(t)}
	_, err := step.Provision(t.Context(), provisionInput(1))
	wantFault(t, err, fault.LeaseLost, "acme")
	given := provisionInput(1)
	given.GivenIP, given.GivenHostKey = loopback, "ssh-ed25519 AAAA"
	_, err = step.Provision(t.Context(), given)
	wantFault(t, err, fault.LeaseLost, "acme")
}

func TestProvisionTakesAGivenServerOfOurProjectOnly(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	mine := p.mustCreate(specOf(t, "by-hand"))
	in := provisionInput(1)
	in.GivenIP, in.GivenHostKey = mine.IPv4, "ssh-ed25519 AAAA"
	got, err := p.provisioner(nil).Provision(t.Context(), in)
	if want := (vps.Provisioned{ServerID: text(mine.ID), Region: "fsn1", HostKey: in.GivenHostKey}); err != nil || got != want {
		t.Errorf("given: %+v, %v; want %+v", got, err, want)
	}
	in.GivenIP = elsewhere
	_, err = p.provisioner(nil).Provision(t.Context(), in)
	wantFault(t, err, fault.ProviderRefused, "no server with the address "+elsewhere.String())
	if all := p.provider.Servers(); len(all) != 1 {
		t.Errorf("%d servers are there; none was to be ordered", len(all))
	}
}

func TestProvisionTakesTheVolumeFromTheFencedServer(t *testing.T) {
	t.Parallel()
	p, in := newProject(t), provisionInput(1)
	old := p.mustCreate(specOf(t, "old"))
	volume := p.volumeOn(old.ID)
	step := p.provisioner(newBoots(t))
	in.VolumeID = text(volume)

	_, err := step.Provision(t.Context(), in)
	wantFault(t, err, fault.ProviderRefused, "still attached to server "+text(old.ID))
	p.wantHolder(volume, old.ID)

	p.off(old.ID)
	_, err = step.Provision(t.Context(), in)
	wantFault(t, err, fault.ProviderUnavailable, "")
	p.wantHolder(volume, 0)
	if all := p.provider.Servers(); len(all) != 1 {
		t.Fatalf("%d servers: one was ordered before its volume was free", len(all))
	}

	made, err := step.Provision(t.Context(), in)
	if err != nil || made.Region != "fsn1" { // where the volume is
		t.Fatalf("with its volume free: %+v, %v", made, err)
	}
	built := p.provider.Servers()[1].ID
	p.wantHolder(volume, built)

	p.until(built, vps.Running)
	p.off(built) // as a new server is before it first starts
	if again, err := step.Provision(t.Context(), in); err != nil || again != made {
		t.Errorf("the same step again: %+v, %v; want %+v", again, err, made)
	}
	p.wantHolder(volume, built)
}

func TestProvisionRefusesAVolumeThatIsNone(t *testing.T) {
	t.Parallel()
	p, in := newProject(t), provisionInput(1)
	step := p.provisioner(newBoots(t))
	for _, id := range []string{"0", "-1", "data"} {
		in.VolumeID = id
		_, err := step.Provision(t.Context(), in)
		wantFault(t, err, fault.InvalidInput, "no volume id")
	}
	in.VolumeID = "4711"
	_, err := step.Provision(t.Context(), in)
	wantFault(t, err, fault.ProviderRefused, "no volume 4711")
	if all := p.provider.Servers(); len(all) != 0 {
		t.Errorf("%d servers were ordered", len(all))
	}
}
