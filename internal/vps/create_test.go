package vps_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

func TestCreateIsRepeatable(t *testing.T) {
	t.Parallel()
	p, spec := newProject(t), specOf(t, "run-1")
	first := p.mustCreate(spec)
	if first.State != vps.Starting || first.Region != "fsn1" || first.Type != "cx32" || !first.IPv4.IsLoopback() || first.Labels[vps.LabelTenant] != "acme" {
		t.Errorf("made %+v", first)
	}
	again, err := p.Create(t.Context(), spec)
	if err != nil || again.ID != first.ID {
		t.Errorf("the same step again made server %d, %v", again.ID, err)
	}
	other := p.mustCreate(specOf(t, "run-2"))
	found, err := p.Find(t.Context(), map[string]string{vps.LabelTenant: "acme", vps.LabelRole: "mail"})
	if err != nil || len(found) != 2 || found[0].ID != first.ID || found[1].ID != other.ID {
		t.Errorf("found %v, %v", found, err)
	}
	if found, err := p.Find(t.Context(), map[string]string{vps.LabelTenant: "somebody"}); err != nil || len(found) != 0 {
		t.Errorf("found %v, %v", found, err)
	}
	byIP, ok, err := p.FindByIP(t.Context(), other.IPv4)
	if err != nil || !ok || byIP.ID != other.ID {
		t.Errorf("by address: %v, %v, %v", byIP, ok, err)
	}
	if _, ok, err := p.FindByIP(t.Context(), first.IPv4.Prev()); err != nil || ok && first.IPv4.Prev() != other.IPv4 {
		t.Errorf("a foreign address is ours: %v, %v", ok, err)
	}
}

func TestCreateTriesTheNextRegion(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		faults  server.Faults
		kind    string
		regions []string
		want    string
	}{
		"none left":          {server.Faults{Unavailable: map[string][]string{"fsn1": {"cx32"}}}, "cx32", []string{"fsn1", "nbg1"}, "nbg1"},
		"only another type":  {server.Faults{Unavailable: map[string][]string{"fsn1": {"cx42"}}}, "cx32", []string{"fsn1", "nbg1"}, "fsn1"},
		"never offered":      {server.Faults{}, "cax21", []string{"ash", "hel1"}, "hel1"},
		"region given up":    {server.Faults{}, "cx32", []string{"old1", "hel1"}, "hel1"},
		"no place":           {server.Faults{API: []server.Trouble{{Method: "POST", Path: "/servers", Status: 422, Code: "placement_error", Times: 1}}}, "cx32", []string{"fsn1", "nbg1"}, "nbg1"},
		"to be had nowhere":  {server.Faults{Unavailable: map[string][]string{"fsn1": {"*"}, "nbg1": {"*"}}}, "cx32", []string{"fsn1", "nbg1"}, ""},
		"a type that is not": {server.Faults{}, "huge", []string{"fsn1", "nbg1"}, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, spec := newProject(t), specOf(t, "run-1")
			p.provider.SetFaults(tt.faults)
			spec.Type, spec.Regions = tt.kind, tt.regions
			s, err := p.Create(t.Context(), spec)
			switch {
			case tt.want == "":
				wantFault(t, err, fault.ProviderRefused, "type cx32 is not to be had in fsn1, nbg1")
			case tt.want == "refused":
				wantFault(t, err, fault.ProviderRefused, "look at type")
			case err != nil || s.Region != tt.want:
				t.Errorf("made in %q, %v", s.Region, err)
			}
		})
	}
}

// An answer that never came says nothing about what happened.
func TestCreateLooksAgainWhenInDoubt(t *testing.T) {
	t.Parallel()
	post := server.Trouble{Method: http.MethodPost, Path: "/servers", Times: 1}
	with := func(change func(*server.Trouble)) server.Trouble {
		trouble := post
		change(&trouble)
		return trouble
	}
	for name, tt := range map[string]struct {
		trouble server.Trouble
		made    bool
	}{
		"cut before":         {post, false},
		"cut after":          {with(func(t *server.Trouble) { t.After = true }), true},
		"time is up before":  {with(func(t *server.Trouble) { t.Hang = true }), false},
		"time is up after":   {with(func(t *server.Trouble) { t.Hang, t.After = true, true }), true},
		"server error after": {with(func(t *server.Trouble) { t.Status, t.Code, t.After = 503, "service_error", true }), true},
		"a page, after":      {with(func(t *server.Trouble) { t.Status, t.After = 502, true }), true},
		"nonsense, after":    {with(func(t *server.Trouble) { t.Status, t.After = 201, true }), true},
		"throttled":          {with(func(t *server.Trouble) { t.Status, t.Code = 429, "rate_limit_exceeded" }), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, spec := newProject(t), specOf(t, "run-1")
			p.provider.SetFaults(server.Faults{API: []server.Trouble{tt.trouble}})
			s, err := p.Create(t.Context(), spec)
			if tt.made && err != nil {
				t.Fatalf("the server was made, and Create says %v", err)
			}
			if !tt.made {
				wantFault(t, err, fault.ProviderUnavailable, "")
				if s, err = p.Create(t.Context(), spec); err != nil {
					t.Fatalf("the next attempt: %v", err)
				}
			}
			if all := p.provider.Servers(); len(all) != 1 || all[0].ID != s.ID || s.Region != "fsn1" {
				t.Errorf("there are %d servers, in %s", len(all), s.Region)
			}
		})
	}
}

// The step's own time may be up at the very moment when the server is made.
func TestCreateLooksAgainAfterItsTime(t *testing.T) {
	t.Parallel()
	p, spec := newProject(t), specOf(t, "run-1")
	p.provider.SetFaults(server.Faults{API: []server.Trouble{{Method: http.MethodPost, Path: "/servers", After: true, Hang: true, Times: 1}}})
	ctx, cancel := contextFor(t, 200*time.Millisecond)
	defer cancel()
	if _, err := p.Create(ctx, spec); err != nil {
		t.Errorf("the server was made, and Create says %v", err)
	}
}

func TestCreateIsRefused(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.mustCreate(specOf(t, "run-1"))

	p.provider.SetFaults(server.Faults{Quota: 1})
	_, err := p.Create(t.Context(), specOf(t, "run-2"))
	wantFault(t, err, fault.ProviderRefused, "quota")
	p.provider.SetFaults(server.Faults{})

	foreign := specOf(t, "run-3")
	foreign.Name = "mail-acme-run-1"
	_, err = p.Create(t.Context(), foreign)
	wantFault(t, err, fault.ProviderRefused, "does not belong to this run")

	_, err = clientOf(t, p.provider.Endpoint(), "another").Create(t.Context(), specOf(t, "run-4"))
	wantFault(t, err, fault.ProviderRefused, "token")

	p.provider.SetFaults(server.Faults{Unreachable: true})
	_, err = p.Create(t.Context(), specOf(t, "run-5"))
	wantFault(t, err, fault.ProviderUnavailable, "")
	if all := p.provider.Servers(); len(all) != 1 {
		t.Errorf("%d servers were made", len(all))
	}
}

func TestCreateChecksItsSpec(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	for name, spoil := range map[string]func(*vps.Spec){
		"no tenant":    func(s *vps.Spec) { s.TenantID = "" },
		"no attempt":   func(s *vps.Spec) { delete(s.Labels, vps.LabelAttempt) },
		"no role":      func(s *vps.Spec) { delete(s.Labels, vps.LabelRole) },
		"an ARN":       func(s *vps.Spec) { s.Labels[vps.LabelAttempt] = "arn:aws:states:eu-central-1:1:execution:x:y" },
		"two in one":   func(s *vps.Spec) { s.Labels[vps.LabelAttempt] = "a,tenant=b" },
		"no region":    func(s *vps.Spec) { s.Regions = nil },
		"no name":      func(s *vps.Spec) { s.Name = "" },
		"not a key":    func(s *vps.Spec) { s.SSHKey = "ssh-ed25519 AAAA" },
		"no type":      func(s *vps.Spec) { s.Type = "" },
		"private data": func(s *vps.Spec) { s.SSHKey, s.UserData = "", secret.New("x") },
	} {
		spec := specOf(t, "run-1")
		spoil(&spec)
		if _, err := p.Create(t.Context(), spec); !fault.Is(err, fault.InvalidInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all := p.provider.Servers(); len(all) != 0 {
		t.Errorf("%d servers were made", len(all))
	}
}
