package remote_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote/remotetest"
)

// soon is enough for loopback, and what a dropped connection costs here.
const soon = 200 * time.Millisecond

func TestReaches(t *testing.T) {
	server := remotetest.Start(t)
	session := dial(t, server)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.Forward("mx.example.org:25", other.Addr().String())
	if open, err := session.Reaches(t.Context(), "mx.example.org:25", time.Minute); err != nil || !open {
		t.Errorf("somebody listens: %v, %v", open, err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if open, err := session.Reaches(t.Context(), "mx.example.org:25", time.Minute); err != nil || open {
		t.Errorf("nobody listens: %v, %v", open, err)
	}
	server.Drop("mx.example.org:25")
	if open, err := session.Reaches(t.Context(), "mx.example.org:25", soon); err != nil || open {
		t.Errorf("nobody answers: %v, %v", open, err)
	}
	if _, err := session.Reaches(t.Context(), "10.0.0.1:25", time.Minute); !fault.Is(err, fault.ServerRefused) {
		t.Errorf("forbidden: %v, want ServerRefused", err)
	}
}

// Silence of the server itself is no answer about others.
func TestReachesOfAServerThatIsGone(t *testing.T) {
	server := remotetest.Start(t)
	session := dial(t, server)
	server.Drop("mx.example.org:25")
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := session.Reaches(t.Context(), "mx.example.org:25", time.Minute); !fault.Is(err, fault.ServerUnreachable) {
		t.Errorf("after the end: %v, want ServerUnreachable", err)
	}

	session = dial(t, server)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := session.Reaches(ctx, "mx.example.org:25", time.Minute); !fault.Is(err, fault.ServerUnreachable) {
		t.Errorf("without time: %v, want ServerUnreachable", err)
	}
}
