//go:build platform

package suite

import (
	"net/http"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
)

// Everything that a recovery speaks to acts once and breaks its answer off. No half answer is taken for a whole one, and
// nothing is done twice.
func TestAnswersThatBreakOff(t *testing.T) {
	d := aDay(t)
	for _, one := range []struct {
		at   *faults.Proxy
		rule faults.Rule
	}{
		{w.Faults.AWS, faults.Rule{Caller: "pmdr-lock-tenant", Action: "UpdateItem"}},
		{w.Faults.Provider, faults.Rule{Caller: "pmdr-fence-vps", Method: http.MethodPost}},
		{w.Faults.Provider, ordering},
		{w.Faults.Provider, faults.Rule{Caller: "pmdr-check-vps", Method: http.MethodGet}},
		{w.Faults.Vault, faults.Rule{Caller: "pmdr-configure-mailu", Path: "/v1/dkim/data/"}},
		{w.Faults.Vault, faults.Rule{Caller: "pmdr-verify-mailu", Path: "/v1/transit/decrypt/"}},
		{w.Faults.Mailu, faults.Rule{Method: http.MethodPatch}},
		{w.Faults.AWS, faults.Rule{Caller: "pmdr-update-dns", Method: http.MethodPost, Path: "/2013-04-01/hostedzone/"}},
		{w.Faults.AWS, faults.Rule{Caller: "pmdr-check-dns", Path: "/2013-04-01/change/"}},
		{w.Faults.AWS, faults.Rule{Caller: "pmdr-move-tenant", Action: "UpdateItem"}},
		{w.Faults.AWS, faults.Rule{Caller: "pmdr-record-audit", Action: "TransactWriteItems"}},
		{w.Faults.AWS, faults.Rule{Caller: "pmdr-notify-tenant", Action: "Publish"}},
	} {
		one.rule.Times, one.rule.Strikes = 1, []faults.Strike{faults.Truncate}
		strike(t, one.at, one.rule)
	}
	d.replaced(t, d.force(t))
}
