package tenant

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

var addresses = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

// The audit trail keeps what concerns no tenant under this name.
func TestNoTenantIsCalledPlatform(t *testing.T) {
	d := acme()
	d.ID = "platform"
	if err := (Registration{Description: d}).Validate(); err == nil || !strings.Contains(err.Error(), "platform") {
		t.Errorf("registered: %v", err)
	}
}

func TestRegisterKeepsWhatItWasGiven(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		d := acme()
		d.VPS.IPv6, d.VPS.VolumeID = netip.MustParseAddr("2a01:4f8::1"), "vol-1"
		got, err := w.registrar().Register(t.Context(), Registration{Description: d})
		if err != nil || got != (Registered{"acme", 1}) {
			t.Fatalf("got %v, %v", got, err)
		}
		if diff := cmp.Diff(Tenant{Description: d, Generation: 1, Lease: Lease{LeftBehind: []string{}}}, w.tenant(), addresses); diff != "" {
			t.Error(diff)
		}
	})
}

// A tenant without an alarm would be recovered by nobody: the registration is repeated until the alarm is there.
func TestRegisterPutsTheAlarm(t *testing.T) {
	w := newWorld(t, newMemory(t), "tenants")
	w.mute = fault.AWSUnavailable.Errorf("no route")
	_, err := w.registrar().Register(t.Context(), Registration{Description: acme()})
	wants(t, err, fault.AWSUnavailable)
	w.mute = nil
	if got, err := w.registrar().Register(t.Context(), Registration{Description: acme()}); err != nil || got != (Registered{"acme", 1}) {
		t.Errorf("repeated: %v, %v", got, err)
	}
	if !slices.Equal(w.watched, []string{"acme"}) {
		t.Errorf("alarms were put for %v", w.watched)
	}
	_, err = w.registrar().Register(t.Context(), Registration{Description: acme(), Generation: 7})
	wants(t, err, fault.InvalidInput)
	if len(w.watched) != 1 {
		t.Error("a refused registration put an alarm")
	}
}

func TestRegisterUpdatesTheGenerationItWasShown(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		if err := w.registry().Suppress(t.Context(), "acme", true); err != nil {
			t.Fatal(err)
		}
		next := acme()
		next.Name, next.Domains = "Acme Puffins", []string{"puffins.example"}
		for _, stale := range []int64{0, 2, 7} {
			_, err := w.registrar().Register(t.Context(), Registration{next, stale})
			wants(t, err, fault.InvalidInput)
		}
		if _, err := w.registrar().Register(t.Context(), Registration{next, 1}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Tenant{Description: next, Generation: 2, Suppressed: true, Lease: Lease{LeftBehind: []string{}}}, w.tenant(), addresses); diff != "" {
			t.Error(diff)
		}
		next.ID = "nobody"
		_, err := w.registrar().Register(t.Context(), Registration{next, 1})
		wants(t, err, fault.TenantUnknown)
	})
}

func TestRegisterWaitsForARecovery(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		held := w.locked("one")
		next := acme()
		next.Name = "Acme Puffins"
		_, err := w.registrar().Register(t.Context(), Registration{next, 1})
		wants(t, err, fault.TenantLocked)
		w.end(arn("one"))
		if _, err := w.registrar().Register(t.Context(), Registration{next, 1}); err != nil {
			t.Fatal(err)
		}
		wants(t, w.registry().Guard(t.Context(), "acme", held.Fencing), fault.LeaseLost)
		_, err = w.registry().Move(t.Context(), newServer(held.Fencing, 2))
		wants(t, err, fault.LeaseLost)
	})
}

func TestRegisterLooksAtTheZone(t *testing.T) {
	w := newWorld(t, newMemory(t), "tenants")
	for _, ttl := range []int{301, 3600, -1} {
		w.ttl = map[string]int{}
		if ttl > 0 {
			w.ttl["Z0123456789 mail.acme.example"] = ttl
		}
		_, err := w.registrar().Register(t.Context(), Registration{Description: acme()})
		wants(t, err, fault.InvalidInput)
		if w.db.writes != 0 {
			t.Error("something was written")
		}
	}
}

func TestRegisterRefusesWhatCannotBeRecovered(t *testing.T) {
	long := strings.Repeat("a", 300)
	for field, spoil := range map[string][]func(*Description){
		"tenant_id": {
			func(d *Description) { d.ID = "" }, func(d *Description) { d.ID = "Acme" }, func(d *Description) { d.ID = "#budget" },
			func(d *Description) { d.ID = "-acme" }, func(d *Description) { d.ID = long }, func(d *Description) { d.ID = "acme\n" },
		},
		"name": {
			func(d *Description) { d.Name = "" }, func(d *Description) { d.Name = long },
			func(d *Description) { d.Name = "a\nb" }, func(d *Description) { d.Name = "a\xff" },
		},
		"contact": {
			func(d *Description) { d.Contact = "" }, func(d *Description) { d.Contact = "ops" },
			func(d *Description) { d.Contact = "Ops <ops@elsewhere.example>" },
			func(d *Description) { d.Contact = "ops@acme.example" }, func(d *Description) { d.Contact = "ops@ACME.example" },
			func(d *Description) { d.Contact = "ops@deep.below.acme.example" }, func(d *Description) { d.Contact = "ops@mail.acme.example" },
			func(d *Description) { d.Contact = "ops@elsewhere.test" }, func(d *Description) { d.Contact = long + "@elsewhere.example" },
			func(d *Description) { d.Contact = "a@b.example, c@d.example" },
		},
		"domains": {
			func(d *Description) { d.Domains = nil }, func(d *Description) { d.Domains = make([]string, 101) },
			func(d *Description) { d.Domains = []string{"acme.example", "acme.example"} },
			func(d *Description) { d.Domains = []string{"bücher.example"} }, func(d *Description) { d.Domains = []string{"ACME.example"} },
			func(d *Description) { d.Domains = []string{"acme.test"} }, func(d *Description) { d.Domains = []string{"acme.example."} },
			func(d *Description) { d.Domains = []string{"xn--a.example"} }, func(d *Description) { d.Domains = []string{"example"} },
			func(d *Description) { d.Domains = []string{"a_b.example"} }, func(d *Description) { d.Domains = []string{""} },
			func(d *Description) { d.Domains = []string{"a..example"} }, func(d *Description) { d.Domains = []string{"*.example"} },
		},
		"hostname": {
			func(d *Description) { d.Hostname = "" }, func(d *Description) { d.Hostname = "mail.acme.test" },
			func(d *Description) { d.Hostname = "mail.acme.local" }, func(d *Description) { d.Hostname = "localhost" },
			func(d *Description) { d.Hostname = "9.9.9.9" }, func(d *Description) { d.Hostname = "mail acme.example" },
			func(d *Description) { d.Hostname = long + ".example" }, func(d *Description) { d.Hostname = "-mail.acme.example" },
		},
		"hosted_zone_id": {
			func(d *Description) { d.HostedZoneID = "" }, func(d *Description) { d.HostedZoneID = "/hostedzone/Z0123456789" },
		},
		"vps.ip": {
			func(d *Description) { d.VPS.IP = netip.Addr{} }, func(d *Description) { d.VPS.IP = netip.MustParseAddr("127.0.0.2") },
			func(d *Description) { d.VPS.IP = netip.MustParseAddr("10.0.0.1") }, func(d *Description) { d.VPS.IP = netip.MustParseAddr("203.0.113.7") },
			func(d *Description) { d.VPS.IP = netip.MustParseAddr("169.254.1.1") }, func(d *Description) { d.VPS.IP = netip.MustParseAddr("100.64.0.1") },
			func(d *Description) { d.VPS.IP = netip.MustParseAddr("2a01:4f8::1") }, func(d *Description) { d.VPS.IP = netip.MustParseAddr("255.255.255.255") },
			func(d *Description) { d.VPS.IP = netip.MustParseAddr("224.0.0.1") }, func(d *Description) { d.VPS.IP = netip.MustParseAddr("0.0.0.0") },
		},
		"vps.ipv6": {
			func(d *Description) { d.VPS.IPv6 = netip.MustParseAddr("9.9.9.9") }, func(d *Description) { d.VPS.IPv6 = netip.MustParseAddr("::1") },
			func(d *Description) { d.VPS.IPv6 = netip.MustParseAddr("fe80::1%eth0") }, func(d *Description) { d.VPS.IPv6 = netip.MustParseAddr("fd00::1") },
			func(d *Description) { d.VPS.IPv6 = netip.MustParseAddr("2001:db8::1") }, func(d *Description) { d.VPS.IPv6 = netip.MustParseAddr("::ffff:9.9.9.9") },
		},
		"vps.provider":  {func(d *Description) { d.VPS.Provider = "" }, func(d *Description) { d.VPS.Provider = "Hetzner Cloud" }},
		"vps.id":        {func(d *Description) { d.VPS.ID = "" }, func(d *Description) { d.VPS.ID = "../1" }},
		"vps.type":      {func(d *Description) { d.VPS.Type = "" }},
		"vps.region":    {func(d *Description) { d.VPS.Region = "" }},
		"vps.volume_id": {func(d *Description) { d.VPS.VolumeID = "a b" }},
		"regions": {
			func(d *Description) { d.Regions = nil }, func(d *Description) { d.Regions = []string{"nbg1"} },
			func(d *Description) { d.Regions = []string{"fsn1", "fsn1"} }, func(d *Description) { d.Regions = []string{"fsn1", "FSN1"} },
			func(d *Description) { d.Regions = make([]string, 11) },
		},
		"host_key": {
			func(d *Description) { d.HostKey = "" }, func(d *Description) { d.HostKey = "ssh-ed25519 AAAA" },
			func(d *Description) { d.HostKey += " root@acme" }, func(d *Description) { d.HostKey += "\n" + hostKey(2) },
			func(d *Description) { d.HostKey = `command="id" ` + d.HostKey },
		},
		"credential_id": {func(d *Description) { d.CredentialID = "" }, func(d *Description) { d.CredentialID = "a/b" }},
		"priority":      {func(d *Description) { d.Priority = -1 }, func(d *Description) { d.Priority = 10 }},
	} {
		for i, change := range spoil {
			w := newWorld(t, newMemory(t), "tenants")
			d := acme()
			change(&d)
			_, err := w.registrar().Register(t.Context(), Registration{Description: d})
			if !fault.Is(err, fault.InvalidInput) || !strings.Contains(err.Error(), "InvalidInput: "+field) {
				t.Errorf("%s, %d: got %v", field, i, err)
			}
			if w.db.writes != 0 {
				t.Errorf("%s, %d: something was written", field, i)
			}
		}
	}
}

func TestLoopbackIsAdmittedOnOneMachineOnly(t *testing.T) {
	w := newWorld(t, newMemory(t), "tenants")
	g := w.registrar()
	d := acme()
	d.VPS.IP, d.VPS.IPv6 = netip.MustParseAddr("127.0.0.7"), netip.MustParseAddr("::1")
	_, err := g.Register(t.Context(), Registration{Description: d})
	wants(t, err, fault.InvalidInput)
	g.Registry.Addresses.Loopback = true
	if _, err := g.Register(t.Context(), Registration{Description: d}); err != nil {
		t.Error(err)
	}
}

func TestRegistrationIsReadAsItIsWritten(t *testing.T) {
	const text = `{"tenant_id":"acme","name":"Acme","contact":"ops@elsewhere.example","domains":["acme.example"],
		"hostname":"mail.acme.example","hosted_zone_id":"Z0123456789","regions":["fsn1"],"host_key":"HOSTKEY",
		"vps":{"provider":"hetzner","id":"4711","ip":"9.9.9.9","ipv6":"","region":"fsn1","type":"cpx21","volume_id":""},
		"credential_id":"cred-1","priority":1,"generation":3}`
	var r Registration
	if err := strictjson.Unmarshal([]byte(strings.Replace(text, "HOSTKEY", hostKey(1), 1)), &r); err != nil {
		t.Fatal(err)
	}
	if err := r.Validate(); err != nil || r.ID != "acme" || r.VPS.IP.String() != "9.9.9.9" || r.VPS.IPv6.IsValid() || r.Generation != 3 {
		t.Errorf("read as %+v, %v", r, err)
	}
	if err := strictjson.Unmarshal([]byte(strings.Replace(text, "9.9.9.9", "9.9.9", 1)), &r); err == nil || err.Error() != `field "vps.ip" must be an IP address` {
		t.Errorf("a malformed address: %v", err)
	}
	if err := strictjson.Unmarshal([]byte(strings.Replace(text, "generation", "lease", 1)), &r); err == nil {
		t.Error("a lease can be typed in")
	}
}

func TestFaultsOfTheZoneAndOfStepFunctionsPassThrough(t *testing.T) {
	w := newWorld(t, newMemory(t), "tenants")
	w.registered()
	w.locked("one")
	w.down = fault.AWSUnavailable.Errorf("describe: %w", errors.New("no route"))
	_, err := w.registrar().Register(t.Context(), Registration{acme(), 1})
	wants(t, err, fault.AWSUnavailable)
	_, err = w.lock(w.start("two"))
	wants(t, err, fault.AWSUnavailable)
	if got := w.tenant().Lease.Holder; got != arn("one") {
		t.Errorf("held by %s", got)
	}
}
