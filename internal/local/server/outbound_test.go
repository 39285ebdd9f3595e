package server_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/server"
)

// What a server sends to others gets out, unless the provider drops it: then there is no answer at all.
func TestOutbound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := w.login(w.running())
	other, err := net.Listen("tcp", "127.0.0.5:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	conn, err := client.DialContext(t.Context(), "tcp", other.Addr().String())
	if err != nil {
		t.Fatalf("another host: %v", err)
	}
	_ = conn.Close()
	w.provider.SetFaults(server.Faults{OutboundShut: true})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := client.DialContext(ctx, "tcp", other.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("another host, when nothing gets out: %v", err)
	}
}
