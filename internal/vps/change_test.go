package vps_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

func TestPower(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	s := p.mustCreate(specOf(t, "run-1"))
	do := func(what string, call func(context.Context, int64) error, want vps.State) {
		t.Helper()
		if err := call(t.Context(), s.ID); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		p.until(s.ID, want)
	}
	do("power off", p.PowerOff, vps.Off)
	do("power off again", p.PowerOff, vps.Off)
	do("start what is off", p.Reboot, vps.Running)
	do("reboot", p.Reboot, vps.Running)
	do("power off", p.PowerOff, vps.Off)
	do("delete", p.Delete, vps.Gone)
	do("delete again", p.Delete, vps.Gone)
	do("power off what is gone", p.PowerOff, vps.Gone)
	wantFault(t, p.Reboot(t.Context(), s.ID), fault.ProviderRefused, "no server")
}

func TestBusyServerIsTriedLater(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.provider.SetFaults(server.Faults{NeverBoots: true})
	s, err := p.Create(t.Context(), specOf(t, "run-1"))
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, p.Reboot(t.Context(), s.ID), fault.ProviderUnavailable, "")
	if err := p.PowerOff(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	p.until(s.ID, vps.Off)
}

// What is so already is not asked for again: here every change would fail.
func TestNothingIsAskedForTwice(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	s := p.mustCreate(specOf(t, "run-1"))
	off := p.mustCreate(specOf(t, "run-2"))
	if err := p.PowerOff(t.Context(), off.ID); err != nil {
		t.Fatal(err)
	}
	p.until(off.ID, vps.Off)
	ptr, err := p.ReverseDNS(t.Context(), s.ID, s.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	p.provider.SetFaults(server.Faults{API: []server.Trouble{{Method: "POST", Status: 500}, {Method: "PUT", Status: 500}}})
	for what, err := range map[string]error{
		"power off":   p.PowerOff(t.Context(), off.ID),
		"reverse DNS": p.SetReverseDNS(t.Context(), s.ID, s.IPv4, ptr),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	wantFault(t, p.PowerOff(t.Context(), s.ID), fault.ProviderUnavailable, "")
}

func TestOnlyOffAndGoneAreFenced(t *testing.T) {
	t.Parallel()
	for state, want := range map[vps.State]bool{vps.Off: true, vps.Gone: true, vps.Starting: false, vps.Running: false, vps.Stopping: false, vps.Unknown: false} {
		if state.Fenced() != want {
			t.Errorf("%s: Fenced() = %v", state, !want)
		}
	}
}

func TestReverseDNS(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	s := p.mustCreate(specOf(t, "run-1"))
	if ptr, err := p.ReverseDNS(t.Context(), s.ID, s.IPv4); err != nil || ptr == "mail.acme.example" {
		t.Errorf("before: %q, %v", ptr, err)
	}
	for range 2 {
		if err := p.SetReverseDNS(t.Context(), s.ID, s.IPv4, "mail.acme.example"); err != nil {
			t.Fatal(err)
		}
	}
	if ptr, err := p.ReverseDNS(t.Context(), s.ID, s.IPv4); err != nil || ptr != "mail.acme.example" {
		t.Errorf("after: %q, %v", ptr, err)
	}
	wantFault(t, p.SetReverseDNS(t.Context(), s.ID, netip.MustParseAddr("192.0.2.1"), "mail.acme.example"), fault.ProviderRefused, "not an address of server")
	wantFault(t, p.SetReverseDNS(t.Context(), s.ID, s.IPv4, "no host name"), fault.ProviderRefused, "")
}

func TestASearchForEverythingIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := newProject(t).Find(t.Context(), nil); !fault.Is(err, fault.InvalidInput) {
		t.Error(err)
	}
}

func TestVolumeThatIsNotThere(t *testing.T) {
	t.Parallel()
	p, spec := newProject(t), specOf(t, "run-1")
	wantFault(t, p.DetachVolume(t.Context(), 4711), fault.ProviderRefused, "no volume 4711")
	spec.VolumeID = 4711
	_, err := p.Create(t.Context(), spec)
	wantFault(t, err, fault.ProviderRefused, "no volume 4711")
}

// TestAnswersOfTheWire sends what the provider may answer through the real client.
func TestAnswersOfTheWire(t *testing.T) {
	t.Parallel()
	for code, tt := range map[string]struct {
		status int
		want   fault.Name
	}{
		"rate_limit_exceeded":     {429, fault.ProviderUnavailable},
		"locked":                  {423, fault.ProviderUnavailable},
		"conflict":                {409, fault.ProviderUnavailable},
		"maintenance":             {503, fault.ProviderUnavailable},
		"service_error":           {500, fault.ProviderUnavailable},
		"timeout":                 {504, fault.ProviderUnavailable},
		"unheard_of":              {500, fault.ProviderUnavailable},
		"unauthorized":            {401, fault.ProviderRefused},
		"forbidden":               {403, fault.ProviderRefused},
		"invalid_input":           {422, fault.ProviderRefused},
		"resource_limit_exceeded": {403, fault.ProviderRefused},
		"resource_unavailable":    {412, fault.ProviderRefused},
		"placement_error":         {422, fault.ProviderRefused},
		"protected":               {403, fault.ProviderRefused},
		"something_new":           {418, fault.ProviderRefused},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			answering := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tt.status)
				fmt.Fprintf(w, `{"error":{"code":%q,"message":"what the provider says","details":{}}}`, code)
			}))
			defer answering.Close()
			_, err := clientOf(t, answering.URL, token).Get(t.Context(), 1)
			wantFault(t, err, tt.want, "")
			if message := fault.Of(err).Message(); message == "" || strings.Contains(message, "what the provider says") {
				t.Errorf("the operator reads the provider's words: %s", message)
			}
			if !strings.Contains(err.Error(), "what the provider says") {
				t.Errorf("the log does not have them: %v", err)
			}
		})
	}
	for name, handler := range map[string]http.HandlerFunc{
		"nonsense": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"server":`) },
		"dropped":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "500")
			_, _ = io.WriteString(w, "{")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answering := httptest.NewServer(handler)
			defer answering.Close()
			_, err := clientOf(t, answering.URL, token).Get(t.Context(), 1)
			wantFault(t, err, fault.ProviderUnavailable, "")
		})
	}
}

func TestNewChecksTheToken(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "two\nlines"} {
		if _, err := vps.New(vps.Options{Token: secret.New(bad)}); !fault.Is(err, fault.InvalidConfiguration) {
			t.Errorf("token %q: %v", bad, err)
		}
	}
}
