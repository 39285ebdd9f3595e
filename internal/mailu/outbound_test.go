package mailu

import (
	"net"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

const exchanger = "mx.example.net:25"

func (w *world) probe(t *testing.T) (Outbound, error) {
	t.Helper()
	prober, err := NewProber(w.vault.login, exchanger)
	if err != nil {
		t.Fatal(err)
	}
	in := OutboundInput{TenantID: tenant.ID, Server: w.at(), Execution: execution}
	if err := in.Validate(); err != nil {
		t.Fatal(err)
	}
	prober.Patience = 200 * time.Millisecond // what a dropped connection costs here
	return prober.Probe(t.Context(), in)
}

func TestProbeOutbound(t *testing.T) {
	w := newWorld(t)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.server.Forward(exchanger, other.Addr().String())
	if found, err := w.probe(t); err != nil || found.Port25 != WayOpen {
		t.Errorf("somebody listens: %+v, %v", found, err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if found, err := w.probe(t); err != nil || found.Port25 != WayClosed {
		t.Errorf("refused: %+v, %v", found, err)
	}
	w.server.Drop(exchanger)
	if found, err := w.probe(t); err != nil || found.Port25 != WayClosed {
		t.Errorf("dropped: %+v, %v", found, err)
	}
	if ran := w.server.Ran(); len(ran) != 0 {
		t.Errorf("commands were run on the server: %q", ran)
	}
}

func TestProbeOutboundOfAnotherServer(t *testing.T) {
	w := newWorld(t)
	w.server.HostKey = otherKey(t)
	if _, err := w.probe(t); !fault.Is(err, fault.HostKeyMismatch) {
		t.Errorf("another host key: %v", err)
	}
	delete(w.vault, "vps/tenant-1/admin_ssh")
	if _, err := w.probe(t); !fault.Is(err, fault.CredentialMissing) {
		t.Errorf("without a key: %v", err)
	}
}

func TestProberNeedsAnAddress(t *testing.T) {
	for _, address := range []string{"", "mx.example.net", ":25", "mx.example.net:"} {
		if _, err := NewProber(vaultOf{}.login, address); !fault.Is(err, fault.InvalidConfiguration) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestOutboundInputIsWhole(t *testing.T) {
	whole := OutboundInput{TenantID: tenant.ID, Server: Server{Address: "192.0.2.1", HostKey: "ssh-ed25519 AAAA"}, Execution: execution}
	if err := whole.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*OutboundInput){
		"tenant":    func(in *OutboundInput) { in.TenantID = "" },
		"server":    func(in *OutboundInput) { in.Server.Address = "" },
		"host key":  func(in *OutboundInput) { in.Server.HostKey = "" },
		"execution": func(in *OutboundInput) { in.Execution.ARN = "" },
	} {
		in := whole
		change(&in)
		if err := in.Validate(); err == nil {
			t.Errorf("an input without %s is accepted", name)
		}
	}
}
