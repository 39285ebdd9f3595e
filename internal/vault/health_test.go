package vault

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

func TestHealth(t *testing.T) {
	n := vaulttest.Start(t)
	node := open(t, n).Nodes()[0]
	for _, state := range []State{Active, Standby, Sealed, Removed, Uninitialized} {
		n.Be(string(state))
		want := Health{State: state, Version: vaulttest.Version, Time: time.Unix(vaulttest.Time, 0).UTC()}
		if state == Active || state == Standby {
			want.ClusterID = vaulttest.ClusterID
		}
		if got := node.Health(t.Context()); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	n.On("GET sys/health", vaulttest.JSON(299, `{"initialized":true,"performance_standby":true,"version":"1.21.0+ent"}`))
	if got := node.Health(t.Context()).State; got != Standby {
		t.Errorf("a performance standby is %s", got)
	}
}

func TestHealthOfStrangers(t *testing.T) {
	n := vaulttest.Start(t)
	node := open(t, n).Nodes()[0]
	for name, answer := range map[string]http.HandlerFunc{
		"an empty object": vaulttest.JSON(200, `{}`),
		"a status":        vaulttest.JSON(200, `{"status":"ok"}`),
		"null":            vaulttest.JSON(200, `null`),
		"a page":          vaulttest.JSON(200, `<html>`),
		"nothing":         vaulttest.JSON(200, ``),
		"not found":       vaulttest.JSON(404, `{"errors":[]}`),
		"a bad gateway":   vaulttest.JSON(502, `<html>`),
		"a cut":           vaulttest.Cut,
	} {
		n.On("GET sys/health", answer)
		if got := node.Health(t.Context()); got != (Health{State: Unreachable}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := len(n.Requests()); got != 8 {
		t.Errorf("%d requests for 8 answers", got)
	}
}

func TestHealthEndsWithItsContext(t *testing.T) {
	n := vaulttest.Start(t)
	asked := make(chan struct{})
	n.On("GET sys/health", func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if got := open(t, n).Nodes()[0].Health(ctx).State; got != Unreachable {
		t.Errorf("the node is %s", got)
	}
}
