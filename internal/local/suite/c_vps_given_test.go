//go:build platform

package suite

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
)

// A person has set a server up: none is ordered, its own host key stays, and should the run fail it is nobody's to destroy.
func TestAGivenServerTakesOver(t *testing.T) {
	acme := mailTenant(t)
	before := registered(t, "acme")
	made, hostKey, err := w.BareServer(t.Context(), "acme", "by-hand")
	if err != nil {
		t.Fatal(err)
	}
	servers := len(w.Mail.Provider.Servers())
	r := recoverServer(t, fmt.Sprintf(`{"tenant_id":"acme","reason":"moving house","force":true,"new_vps_ip":%q,"host_key":%q}`, made.IPv4, hostKey))
	succeeded(t, r)
	took(t, straight(r), slices.Concat(looked, rebuilt, arrived)...)
	now := registered(t, "acme")
	if now.VPS.ID != strconv.FormatInt(made.ID, 10) || now.VPS.IP != made.IPv4 || now.HostKey != hostKey || now.VPS.ID == before.VPS.ID {
		t.Errorf("the registry says %+v", now)
	}
	if n := len(w.Mail.Provider.Servers()); n != servers {
		t.Errorf("%d servers, there were %d", n, servers)
	}
	if err := w.Mail.Client(*acme).IMAPS(t.Context()); err != nil {
		t.Errorf("a mail program, through DNS: %v", err)
	}
}
