package vps_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote"
	"github.com/penguinmails/disaster-recovery/internal/remote/remotetest"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

// run is the n-th execution of the runbook.
func run(n int) task.Execution {
	return task.Execution{
		ARN:       fmt.Sprintf("arn:aws:states:eu-central-1:123456789012:execution:vps-recovery:%d", n),
		StartedAt: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), State: "ProvisionVps",
	}
}

// Open makes the test's project the one that the steps open.
func (p *project) Open(context.Context) (*vps.Provider, error) { return p.Provider, nil }

// sealed is a project that nobody may open.
type sealed struct{ *testing.T }

func (s sealed) Open(context.Context) (*vps.Provider, error) {
	s.Error("the provider was touched")
	return nil, fault.Unexpected.Errorf("sealed")
}

// holder is the fencing number that holds acme.
type holder int64

func (h holder) Guard(_ context.Context, tenantID string, fencing int64) error {
	if tenantID != "acme" || fencing != int64(h) {
		return fault.LeaseLost.Tellf("%s", tenantID)
	}
	return nil
}

// boots derives its host keys, as the real ones are derived, from a login key.
type boots struct{ login secret.String }

func newBoots(t *testing.T) boots { key, _ := remotetest.NewKey(t); return boots{key} }

func (b boots) Boot(_ context.Context, _, attempt, _ string) (vps.Boot, error) {
	authorized, err := remote.PublicLine(b.login)
	if err != nil {
		return vps.Boot{}, err
	}
	host, err := remote.Bootstrap(b.login, attempt)
	data := fmt.Sprintf("#cloud-config\nssh_keys: {ed25519_private: %q, ed25519_public: %q}\n", host.Private().Reveal(), host.Public)
	return vps.Boot{AuthorizedKey: authorized, HostKey: host.Public, UserData: secret.New(data)}, err
}

// untouchable are the ids that are no server's of this provider.
var untouchable = []string{"", "0", "-1", "+1", "007", " 7", "mail-1", "9223372036854775808"}

// Addresses of servers that a person may name.
var (
	loopback  = netip.MustParseAddr("127.0.0.1")
	elsewhere = netip.MustParseAddr("203.0.113.7")
)

func text(id int64) string { return strconv.FormatInt(id, 10) }

func (p *project) off(id int64) {
	p.Helper()
	if err := p.PowerOff(p.Context(), id); err != nil {
		p.Fatal(err)
	}
	p.until(id, vps.Off)
}

func (p *project) state(id int64) vps.State {
	p.Helper()
	state, err := p.Status(p.Context(), id)
	if err != nil {
		p.Fatal(err)
	}
	return state
}

// volumeOn makes a volume that a server has.
func (p *project) volumeOn(serverID int64) (id int64) {
	p.Helper()
	body := fmt.Sprintf(`{"name":"mail","size":10,"server":%d}`, serverID)
	ask, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.provider.Endpoint()+"/volumes", strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	ask.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		p.Fatal(err)
	}
	defer answer.Body.Close()
	var made struct{ Volume struct{ ID int64 } }
	if err := json.NewDecoder(answer.Body).Decode(&made); err != nil || made.Volume.ID == 0 {
		p.Fatalf("no volume was made: %s, %v", answer.Status, err)
	}
	return made.Volume.ID
}

// wantHolder checks which server has a volume; 0 is none.
func (p *project) wantHolder(volumeID, serverID int64) {
	p.Helper()
	volume, err := p.Volume(p.Context(), volumeID)
	if err != nil || volume.ServerID != serverID {
		p.Errorf("volume %d is with server %d, %v; want %d", volumeID, volume.ServerID, err, serverID)
	}
}

func TestStepsRefuseWhatNamesNothing(t *testing.T) {
	t.Parallel()
	type input interface{ Validate() error }
	none := task.Execution{}
	good := vps.ProvisionInput{TenantID: "acme", Fencing: 1, Hostname: "mail.acme.example", Type: "cx32", Regions: []string{"fsn1"}, Execution: run(1)}
	with := func(change func(*vps.ProvisionInput)) input { in := good; change(&in); return in }
	for name, in := range map[string]input{
		"fence no tenant":        vps.FenceInput{ServerID: "1", Fencing: 1, Execution: run(1)},
		"fence no server":        vps.FenceInput{TenantID: "acme", Fencing: 1, Execution: run(1)},
		"fence no lease":         vps.FenceInput{TenantID: "acme", ServerID: "1", Execution: run(1)},
		"fence no execution":     vps.FenceInput{TenantID: "acme", ServerID: "1", Fencing: 1, Execution: none},
		"check no server":        vps.CheckInput{TenantID: "acme", Execution: run(1)},
		"check no execution":     vps.CheckInput{TenantID: "acme", ServerID: "1", Execution: none},
		"destroy no tenant":      vps.DestroyInput{Keep: "1", Execution: run(1)},
		"destroy nothing kept":   vps.DestroyInput{TenantID: "acme", Execution: run(1)},
		"destroy no execution":   vps.DestroyInput{TenantID: "acme", Keep: "1", Execution: none},
		"provision no tenant":    with(func(in *vps.ProvisionInput) { in.TenantID = "" }),
		"provision no lease":     with(func(in *vps.ProvisionInput) { in.Fencing = 0 }),
		"provision no name":      with(func(in *vps.ProvisionInput) { in.Hostname = "" }),
		"provision no type":      with(func(in *vps.ProvisionInput) { in.Type = "" }),
		"provision no region":    with(func(in *vps.ProvisionInput) { in.Regions = nil }),
		"provision no execution": with(func(in *vps.ProvisionInput) { in.Execution = none }),
		"an address, no key":     with(func(in *vps.ProvisionInput) { in.GivenIP = loopback }),
		"a key, no address":      with(func(in *vps.ProvisionInput) { in.GivenHostKey = "ssh-ed25519 AAAA" }),
	} {
		if in.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, in := range []input{
		good, with(func(in *vps.ProvisionInput) { in.GivenIP, in.GivenHostKey = loopback, "ssh-ed25519 AAAA" }),
		vps.FenceInput{TenantID: "acme", ServerID: "1", Fencing: 1, Execution: run(1)},
		vps.CheckInput{ServerID: "1", Execution: run(1)},
		vps.DestroyInput{TenantID: "acme", Keep: "1", Execution: run(1)},
	} {
		if err := in.Validate(); err != nil {
			t.Errorf("%+v: %v", in, err)
		}
	}
}
