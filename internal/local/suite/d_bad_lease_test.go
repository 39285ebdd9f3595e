//go:build platform

package suite

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

func TestASecondRecoveryOfATenantIsRefused(t *testing.T) {
	d := aDay(t)
	first, release := make(chan struct{}), make(chan struct{})
	strike(t, w.Faults.AWS, faults.Rule{Caller: "pmdr-fence-vps", Times: 1, Strikes: []faults.Strike{
		faults.Before(func() { close(first); <-release }),
	}})
	arn, err := w.desk.Start(t.Context(), w.Outputs["VpsRecoveryArn"], forced)
	if err != nil {
		t.Fatal(err)
	}
	<-first // it holds the lease, and is about to change something
	second := d.force(t)
	rotation := rotate(t, `{"tenant_id":"globex","reason":"leaked while it is recovered"}`)
	close(release)
	// A rotation waits for no lease. The recovery gives the new server what Vault holds by then.
	succeeded(t, rotation)
	took(t, rotation, "Take the request", "StageCredentials", "Is the server there?", "CommitCredentials", "StartBackup", "RecordAudit", "AlertOperations", "Succeeded")
	if got := field(t, rotation, "committed", "absence"); got != "recovering" {
		t.Errorf("absence: %q", got)
	}
	now, err := w.Credential(t.Context(), d.ID)
	if err != nil || now.Password.Reveal() == d.Password.Reveal() {
		t.Fatalf("Vault holds the former password, %v", err)
	}
	w.planted["password that leaked while globex was recovered"] = d.Password
	d.Password, w.passwords[d.ID], d.before.CredentialID = now.Password, now.Password, now.ID
	ended(t, second, "FailedClean", "TenantLocked",
		slices.Concat([]string{"Take the request", "LockTenant"}, failed, []string{"Clean or dirty?", "FailedClean"})...)
	if !strings.Contains(second.Cause, arn) {
		t.Errorf("the cause does not name the one that runs, %s: %s", arn, second.Cause)
	}
	r, err := w.desk.Wait(t.Context(), arn)
	if err != nil {
		t.Fatal(err)
	}
	d.replaced(t, r)
}

// A copy of a step that wakes up after a newer run has been there changes nothing: not DNS, not the registry, no server.
func TestAnOutdatedRunChangesNothing(t *testing.T) {
	d := aDay(t)
	d.replaced(t, d.force(t))
	now, records, there := registered(t, d.ID), zone(t, d.ID), servers()
	outdated := now.Lease.Fencing - 1
	run := map[string]any{
		"arn": "arn:aws:states:us-east-1:123456789012:execution:vps-recovery:outdated", "started_at": time.Now(), "state": "Outdated",
	}
	old := map[string]any{"ip": now.VPS.IP, "ipv6": now.VPS.IPv6}
	for function, payload := range map[string]map[string]any{
		"pmdr-fence-vps": {"tenant_id": d.ID, "server_id": now.VPS.ID},
		"pmdr-provision-vps": {"tenant_id": d.ID, "hostname": d.Hostname, "type": now.VPS.Type, "regions": now.Regions,
			"volume_id": "", "given_ip": "", "given_host_key": ""},
		"pmdr-update-dns": {"hosted_zone_id": now.HostedZoneID, "hostname": d.Hostname, "old": old,
			"new": map[string]any{"ip": "127.0.0.250", "ipv6": ""}},
		"pmdr-update-dns-back": {"hosted_zone_id": now.HostedZoneID, "hostname": d.Hostname, "serving": d.before.VPS.IP},
		"pmdr-set-reverse-dns": {"tenant_id": d.ID, "server_id": now.VPS.ID, "hostname": "elsewhere.example.org", "ip": now.VPS.IP, "ipv6": ""},
		"pmdr-announce-move":   {"tenant_id": d.ID, "credential_id": now.CredentialID, "host_key": now.HostKey, "vps": d.before.VPS},
		"pmdr-move-tenant": {"tenant_id": d.ID, "credential_id": now.CredentialID, "host_key": now.HostKey,
			"vps": d.before.VPS},
	} {
		payload["fencing"] = outdated
		if function != "pmdr-announce-move" { // it works for no execution in particular
			payload["execution"] = run
		}
		body, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		out, err := lambda.NewFromConfig(w.AWS).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(function), Payload: body})
		if err != nil {
			t.Fatal(err)
		}
		if out.FunctionError == nil || !strings.Contains(string(out.Payload), `"LeaseLost"`) {
			t.Errorf("%s with an outdated fencing number: %s", function, out.Payload)
		}
	}
	if diff := cmp.Diff(records, zone(t, d.ID)); diff != "" {
		t.Errorf("the zone was changed (-before +after):\n%s", diff)
	}
	if after := registered(t, d.ID); after.VPS != now.VPS || after.Generation != now.Generation || !reflect.DeepEqual(after.Lease, now.Lease) {
		t.Errorf("the registry was changed: %+v", after)
	}
	if state, err := d.console.Status(t.Context(), id(t, now.VPS.ID)); state != vps.Running || err != nil || !slices.Equal(there, servers()) {
		t.Errorf("the server is %s, %v; the servers are %v, were %v", state, err, servers(), there)
	}
}
