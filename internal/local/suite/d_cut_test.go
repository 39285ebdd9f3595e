//go:build platform

package suite

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
)

// cutter kills a function right after it has changed something, once for every kind of change that it makes and three
// times at most: so often a state is tried again.
type cutter struct {
	t    *testing.T
	mu   sync.Mutex
	made map[string]map[string]bool // kinds of change, by function
}

// changed is a change of a kind that a function has just made.
func (c *cutter) changed(function, kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	made := c.made[function]
	if made[kind] || len(made) == 3 {
		return
	}
	if made == nil {
		made = map[string]bool{}
		c.made[function] = made
	}
	made[kind] = true
	kill(c.t, function)
}

// kill ends a function as the end of its sandbox does.
func kill(t *testing.T, function string) {
	if err := w.Engine.KillFunction(function); err != nil {
		t.Error(err)
	}
}

// strike cuts a function after the requests that fit.
func (c *cutter) strike(at *faults.Proxy, function string, r faults.Rule) {
	r.Strikes = []faults.Strike{func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			kind := r.Method + " " + r.URL.Path + " " + r.Header.Get("X-Amz-Target")
			faults.After(func() { c.changed(function, kind) })(next).ServeHTTP(w, r)
		})
	}}
	rule := at.Add(r)
	c.t.Cleanup(rule.Remove)
}

// changes reports whether a request of AWS's REST and JSON protocols changes anything.
func changes(r *http.Request) bool {
	_, operation, named := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !named {
		return r.Method != http.MethodGet && r.Method != http.MethodHead && r.URL.Path != "/"
	}
	for _, verb := range []string{"Put", "Update", "Delete", "TransactWrite"} {
		if strings.HasPrefix(operation, verb) {
			return true
		}
	}
	return false
}

// Between any two changes of a step lies a world that the next attempt has to understand.
func TestEveryStepIsCutBetweenItsChanges(t *testing.T) {
	d := aDay(t)
	c := &cutter{t: t, made: map[string]map[string]bool{}}
	for _, function := range functionsOf(t, "VpsRecoveryArn") {
		c.strike(w.Faults.AWS, function, faults.Rule{Caller: function, If: changes})
		c.strike(w.Faults.AWS, function, faults.Rule{Caller: function, Action: "Publish"})
		c.strike(w.Faults.Provider, function, faults.Rule{Caller: function, If: func(r *http.Request) bool { return r.Method != http.MethodGet }})
	}
	c.strike(w.Faults.Mailu, "pmdr-set-credentials", faults.Rule{If: func(r *http.Request) bool { return r.Method != http.MethodGet }})
	r := d.force(t)
	d.replaced(t, r)
	for _, function := range []string{
		"pmdr-lock-tenant", "pmdr-fence-vps", "pmdr-provision-vps", "pmdr-set-credentials", "pmdr-set-reverse-dns", "pmdr-announce-move", "pmdr-update-dns", "pmdr-move-tenant",
		"pmdr-unlock-tenant", "pmdr-record-audit", "pmdr-notify-tenant", "pmdr-alert-operations",
	} {
		if len(c.made[function]) == 0 {
			t.Errorf("%s was never cut", function)
		}
	}
	t.Logf("cut after %v", c.made)
}
