//go:build platform

package suite

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

// ordering is a new server's order at the provider.
var ordering = faults.Rule{Caller: "pmdr-provision-vps", Method: http.MethodPost, If: func(r *http.Request) bool { return r.URL.Path == "/v1/servers" }}

// The provider makes the server and says nothing, and does not answer the question whether it has. The next attempt finds
// the server by its labels.
func TestAnOrderWhoseAnswerIsLost(t *testing.T) {
	d := aDay(t)
	order := ordering
	order.Times, order.Strikes = 1, []faults.Strike{faults.CutAfter}
	strike(t, w.Faults.Provider, order)
	strike(t, w.Faults.Provider, faults.Rule{
		Caller: "pmdr-provision-vps", Method: http.MethodGet, Path: "/v1/servers", Skip: 1, Times: 1,
		Strikes: []faults.Strike{faults.Answer(http.StatusBadGateway, "text/html", "<html>")},
	})
	r := d.force(t)
	d.replaced(t, r)
	if n := times(r, "ProvisionVps", "ProviderUnavailable"); n != 1 {
		t.Errorf("ProvisionVps failed %d times, want once", n)
	}
}

func TestAProviderOutOfReachStopsBeforeAnythingIsBuilt(t *testing.T) {
	d := aDay(t)
	strike(t, w.Faults.Provider, faults.Rule{Caller: "pmdr-fence-vps", Strikes: []faults.Strike{faults.CutBefore}})
	r := d.force(t)
	d.serves(t) // the old server was not touched
	d.putBack(t, r, "ProviderUnavailable", append(through("FenceVps"), "UnlockTenantAfterFailure")...)
	if n := times(r, "FenceVps", "ProviderUnavailable"); n != 4 {
		t.Errorf("FenceVps was tried %d times, want once and three retries", n)
	}
}

func TestANewServerWithAnotherHostKeyIsNotTrusted(t *testing.T) {
	d := aDay(t)
	w.Mail.Provider.SetFaults(server.Faults{OtherHostKey: true})
	d.putBack(t, d.force(t), "HostKeyMismatch", slices.Concat(through("CheckVps"), undone)...)
}

// The machine looks sixty times.
func TestANewServerWithoutNetworkIsGivenUp(t *testing.T) {
	d := aDay(t)
	pace(t, 0)
	w.Mail.Provider.SetFaults(server.Faults{NoNetwork: true})
	r := d.force(t)
	d.putBack(t, r, "ServerUnreachable", slices.Concat(through("New server up?"), []string{"New server never up"}, undone)...)
	looks := 0
	for _, state := range r.Path {
		if state == "CheckVps" {
			looks++
		}
	}
	if looks != 60 {
		t.Errorf("%d looks, want 60", looks)
	}
}

func TestAProviderThatHasNoServer(t *testing.T) {
	for name, lack := range map[string]server.Faults{
		"the quota is used up":              {Quota: 1},
		"the type is not to be had anymore": {Unavailable: map[string][]string{"fsn1": {"*"}, "nbg1": {"*"}}},
	} {
		t.Run(name, func(t *testing.T) {
			d := aDay(t)
			w.Mail.Provider.SetFaults(lack)
			d.putBack(t, d.force(t), "ProviderRefused", slices.Concat(through("ProvisionVps"), undone)...)
		})
	}
}

func TestARegionThatIsFullIsPassedOver(t *testing.T) {
	d := aDay(t)
	w.Mail.Provider.SetFaults(server.Faults{Unavailable: map[string][]string{d.before.Regions[0]: {d.before.VPS.Type}}})
	t.Cleanup(func() { w.Mail.Provider.SetFaults(server.Faults{}) })
	d.replaced(t, d.force(t))
	if region := registered(t, d.ID).VPS.Region; region != d.before.Regions[1] {
		t.Errorf("built in %s, want %s", region, d.before.Regions[1])
	}
}

// Somebody powers the old server on in the console while the new one is being built. At the end nobody is sent there, and
// it is off again.
func TestAnOldServerThatComesBack(t *testing.T) {
	d := aDay(t)
	old := id(t, d.before.VPS.ID)
	order := ordering
	order.Times, order.Strikes = 1, []faults.Strike{faults.After(func() {
		if err := errors.Join(d.console.Reboot(t.Context(), old), d.await(t.Context(), old, vps.Running)); err != nil {
			t.Error(err)
		}
	})}
	strike(t, w.Faults.Provider, order)
	d.replaced(t, d.force(t))
}
