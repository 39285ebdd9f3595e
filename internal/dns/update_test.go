package dns

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// movedZone is the tenant's zone on the new server.
func movedZone() *zone {
	z := &zone{}
	z.set("example.com", "SOA", 900, "ns-1.awsdns-1.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400")
	z.set("example.com", "NS", 172800, "ns-1.awsdns-1.com.", "ns-2.awsdns-2.net.")
	z.set("example.com", "MX", 3600, "10 mail.example.com.")
	z.set("example.com", "TXT", 300, `"site-verification=203.0.113.10x"`, `"v=spf1 mx ip4:198.51.100.20 include:_spf.example.net ip6:2001:db8:2::1 -all"`)
	z.set("mail.example.com", "A", 60, "198.51.100.20")
	z.set("mail.example.com", "AAAA", 300, "2001:db8:2::1")
	z.set("autoconfig.example.com", "A", 300, "198.51.100.20", "192.0.2.7")
	z.set("*.example.com", "A", 300, "198.51.100.20")
	z.set("www.example.com", "A", 3600, "192.0.2.7")
	z.set("old.example.com", "TXT", 3600, `"was 203.0.113.10, see ticket"`)
	return z
}

func wantZone(t *testing.T, what string, got, want *zone) {
	t.Helper()
	if diff := cmp.Diff(want.lines(false), got.lines(false)); diff != "" {
		t.Errorf("%s: the zone is not as it should be (-want +got):\n%s", what, diff)
	}
}

func wantMark(t *testing.T, what string, z *zone, want string) {
	t.Helper()
	if l, err := readLease(z.sets, "mail.example.com."); err != nil || l.mark() != want {
		t.Errorf("%s: the lease is %q, %v; want %q", what, l.mark(), err, want)
	}
}

func TestForwardAndBack(t *testing.T) {
	z := tenantZone()
	done, err := Updater{z}.Update(t.Context(), forward(7))
	if err != nil {
		t.Fatal(err)
	}
	wantZone(t, "forward", z, movedZone())
	wantMark(t, "forward", z, "7")
	if done.ChangeID != "/change/C1" || done.Lease != "7" || len(done.Edits) != 5 || !slices.Equal(done.Mentions, []string{"old.example.com. TXT"}) {
		t.Errorf("Update = %+v", done)
	}
	undone, err := Updater{z}.Back(t.Context(), goBack(7))
	if err != nil {
		t.Fatal(err)
	}
	wantZone(t, "back", z, tenantZone())
	wantMark(t, "back", z, "7 back")
	if undone.Lease != "7 back" || len(undone.Edits) != 5 || !slices.Equal(undone.Edits[0].Added, done.Edits[0].Removed) {
		t.Errorf("Back = %+v", undone)
	}
	done, err = Updater{z}.Update(t.Context(), forward(8))
	if err != nil || !slices.Equal(done.Mentions, []string{"old.example.com. TXT"}) {
		t.Errorf("the next run: %+v, %v", done, err)
	}
	wantZone(t, "the next run", z, movedZone())
}

// Record sets that hold both addresses, and record sets of one name with a routing policy.
func TestPeculiarSets(t *testing.T) {
	peculiar := func(z *zone) *zone {
		z.set("both.example.com", "A", 60, "198.51.100.20", "203.0.113.10")
		for id, address := range map[string]string{"a": "192.0.2.8", "b": "203.0.113.10"} {
			z.set("smtp.example.com", "A", 60, address)
			z.sets[len(z.sets)-1].SetIdentifier, z.sets[len(z.sets)-1].Weight = aws.String(id), aws.Int64(1)
		}
		return z
	}
	z := peculiar(tenantZone())
	if _, err := (Updater{z}).Update(t.Context(), forward(7)); err != nil {
		t.Fatal(err)
	}
	lines := z.lines(false)
	for _, want := range []string{"smtp.example.com. 60 Aa 192.0.2.8", "smtp.example.com. 60 Ab 198.51.100.20", "both.example.com. 60 A 198.51.100.20"} {
		if !slices.Contains(lines, want) {
			t.Errorf("there is no %s", want)
		}
	}
	if _, err := (Updater{z}).Back(t.Context(), goBack(7)); err != nil {
		t.Fatal(err)
	}
	wantZone(t, "back", z, peculiar(tenantZone()))
}

// What the new server does not have must not stay behind with the old server's address.
func TestWithoutIPv6(t *testing.T) {
	z := tenantZone()
	in := forward(7)
	in.New.IPv6 = Addresses{}.IPv6
	if _, err := (Updater{z}).Update(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	for _, line := range z.lines(false) {
		if strings.Contains(line, "2001:db8") || strings.Contains(line, "AAAA") {
			t.Errorf("left behind: %s", line)
		}
	}
	if _, err := (Updater{z}).Back(t.Context(), goBack(7)); err != nil {
		t.Fatal(err)
	}
	wantZone(t, "back", z, tenantZone())
}

func TestAStaleRunChangesNothing(t *testing.T) {
	z := tenantZone()
	u := Updater{z}
	overtake := func() { // between the stale run's read and its write
		z.before = nil
		if _, err := u.Update(t.Context(), forward(8)); err != nil {
			t.Fatal(err)
		}
	}
	z.before = overtake
	in := forward(7)
	in.New = Addresses{IP: newServer.IP.Next()}
	_, err := u.Update(t.Context(), in)
	wantFault(t, "overtaken", err, fault.LeaseLost)
	_, err = u.Update(t.Context(), in)
	wantFault(t, "late", err, fault.LeaseLost)
	_, err = u.Back(t.Context(), goBack(7))
	wantFault(t, "late, back", err, fault.LeaseLost)
	wantZone(t, "after the stale run", z, movedZone())
	wantMark(t, "after the stale run", z, "8")
	if z.batches != 1 {
		t.Errorf("%d batches were made", z.batches)
	}
}

// A zone that has never been changed has no lease to delete: the fence is that it cannot be created twice.
func TestTwoFirstRuns(t *testing.T) {
	z := tenantZone()
	z.before = func() {
		z.before = nil
		z.set("_lease.mail.example.com", "TXT", 60, `"8"`)
	}
	_, err := Updater{z}.Update(t.Context(), forward(7))
	wantFault(t, "the second", err, fault.LeaseLost)
	wantZone(t, "the second", z, tenantZone())
}

// The connection breaks after Route 53 has made the change: the retry finds it made, and knows what it replaced.
func TestALostAnswer(t *testing.T) {
	z := tenantZone()
	z.answer = func(n int) error {
		if n == 1 {
			return &net.OpError{Op: "read", Err: net.ErrClosed}
		}
		return nil
	}
	_, err := Updater{z}.Update(t.Context(), forward(7))
	if err == nil {
		t.Fatal("the answer was not lost")
	}
	done, err := Updater{z}.Update(t.Context(), forward(7))
	if err != nil || done.ChangeID != "/change/C2" || done.Lease != "7" {
		t.Fatalf("the retry: %+v, %v", done, err)
	}
	wantZone(t, "the retry", z, movedZone())
	first, err := Updater{tenantZone()}.Update(t.Context(), forward(7))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.Edits, done.Edits); diff != "" {
		t.Errorf("the retry tells something else:\n%s", diff)
	}
	if _, err := (Updater{z}).Back(t.Context(), goBack(7)); err != nil {
		t.Fatal(err)
	}
	again, err := Updater{z}.Back(t.Context(), goBack(7))
	if err != nil || len(again.Edits) != 5 {
		t.Errorf("back, again: %+v, %v", again, err)
	}
	wantZone(t, "back, again", z, tenantZone())
}

// Two attempts of one run at once: Lambda delivers at least once.
func TestTheSameRunTwice(t *testing.T) {
	z := tenantZone()
	z.before = func() {
		z.before = nil
		if _, err := (Updater{z}).Update(t.Context(), forward(7)); err != nil {
			t.Fatal(err)
		}
	}
	done, err := Updater{z}.Update(t.Context(), forward(7))
	if err != nil || done.Lease != "7" || len(done.Edits) != 5 {
		t.Errorf("the second attempt: %+v, %v", done, err)
	}
	wantZone(t, "twice", z, movedZone())
}

// UpdateDnsBack also shuts out an attempt of UpdateDns that has not come through yet.
func TestBackBeforeForward(t *testing.T) {
	z := tenantZone()
	done, err := Updater{z}.Back(t.Context(), goBack(7))
	if err != nil || len(done.Edits) != 0 || done.Edits == nil {
		t.Fatalf("Back = %+v, %v", done, err)
	}
	_, err = Updater{z}.Update(t.Context(), forward(7))
	wantFault(t, "the straggler", err, fault.LeaseLost)
	wantZone(t, "the straggler", z, tenantZone())

}

// A run that died having moved the records is undone by its successor, before that moves them itself; a change that the
// registry has followed is finished, whoever made it.
func TestBackAfterADeadPredecessor(t *testing.T) {
	for name, tt := range map[string]struct {
		serving netip.Addr
		want    *zone
	}{
		"died":     {oldServer.IP, tenantZone()},
		"finished": {newServer.IP, movedZone()},
	} {
		z := tenantZone()
		if _, err := (Updater{z}).Update(t.Context(), forward(6)); err != nil {
			t.Fatal(err)
		}
		back := goBack(7)
		back.Serving = tt.serving
		for range 2 { // the answer may be lost
			if _, err := (Updater{z}).Back(t.Context(), back); err != nil {
				t.Fatal(err)
			}
			wantZone(t, name, z, tt.want)
			wantMark(t, name, z, "7 back")
		}
		_, err := Updater{z}.Update(t.Context(), forward(6))
		wantFault(t, name+": the straggler", err, fault.LeaseLost)
	}
	z := tenantZone()
	for _, step := range []func() (Update, error){
		func() (Update, error) { return Updater{z}.Update(t.Context(), forward(6)) },
		func() (Update, error) { return Updater{z}.Back(t.Context(), goBack(7)) },
		func() (Update, error) { return Updater{z}.Update(t.Context(), forward(8)) },
	} {
		if _, err := step(); err != nil {
			t.Fatal(err)
		}
	}
	wantZone(t, "the successor", z, movedZone())
}

// A dead run's change that came through is not undone where the run has said where it was going: mail arrives there.
func TestBackLeavesWhatHasArrived(t *testing.T) {
	for name, tt := range map[string]struct {
		changed bool
		want    *zone
	}{
		"before the change": {false, tenantZone()},
		"after it":          {true, movedZone()},
	} {
		z := tenantZone()
		if tt.changed {
			if _, err := (Updater{z}).Update(t.Context(), forward(6)); err != nil {
				t.Fatal(err)
			}
		}
		back := goBack(6)
		back.Arriving = newServer.IP
		for range 2 {
			done, err := Updater{z}.Back(t.Context(), back)
			if err != nil || done.Arrived != tt.changed || done.Moved {
				t.Errorf("%s: Back = %+v, %v", name, done, err)
			}
			wantZone(t, name, z, tt.want)
		}
	}
}

// Somebody has led the host back by hand: there is nothing left to undo.
func TestBackAfterAPerson(t *testing.T) {
	z := tenantZone()
	if _, err := (Updater{z}).Update(t.Context(), forward(7)); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(z.sets, func(rs types.ResourceRecordSet) bool { return *rs.Name == "mail.example.com." && rs.Type == "A" })
	z.sets[i].ResourceRecords = []types.ResourceRecord{{Value: aws.String(oldServer.IP.String())}}
	done, err := Updater{z}.Back(t.Context(), goBack(7))
	if err != nil || len(done.Edits) != 0 {
		t.Errorf("Back = %+v, %v", done, err)
	}
}

// What others do to the same record sets survives, forward and back.
func TestOthersEditToo(t *testing.T) {
	const challenge = `"acme-challenge"`
	add := func(z *zone) {
		i := slices.IndexFunc(z.sets, func(rs types.ResourceRecordSet) bool { return *rs.Name == "example.com." && rs.Type == "TXT" })
		z.sets[i].ResourceRecords = append(slices.Clone(z.sets[i].ResourceRecords), types.ResourceRecord{Value: aws.String(challenge)})
	}
	z, want := tenantZone(), movedZone()
	z.before = func() { z.before = nil; add(z) } // between read and write: refused, and made anew
	if _, err := (Updater{z}).Update(t.Context(), forward(7)); err != nil {
		t.Fatal(err)
	}
	add(want)
	wantZone(t, "forward", z, want)
	if _, err := (Updater{z}).Back(t.Context(), goBack(7)); err != nil {
		t.Fatal(err)
	}
	want = tenantZone()
	add(want)
	wantZone(t, "back", z, want)
}

func TestAPersonWasThereFirst(t *testing.T) {
	z := movedZone()
	done, err := Updater{z}.Update(t.Context(), forward(7))
	if err != nil || len(done.Edits) != 0 {
		t.Errorf("Update = %+v, %v", done, err)
	}
	wantZone(t, "moved by hand", z, movedZone())
	wantMark(t, "moved by hand", z, "7")
}
