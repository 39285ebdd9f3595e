//go:build platform

package suite

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/local/inbox"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/local/sender"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

func recoverServer(t *testing.T, input string) runbook.Result {
	return runMachine(t, "VpsRecoveryArn", input)
}

var (
	looked   = []string{"Take the request", "LockTenant", "Anything left behind?", "Only clean up?", "ProbeVps", "What is needed?"}
	planned  = []string{"Take the request", "LockTenant", "Anything left behind?", "ProbeVps", "What is needed?", "Succeeded"}
	rebooted = []string{"FenceVpsByReboot", "WaitForReboot", "ProbeVpsAfterReboot", "Did the reboot help?"}
	rebuilt  = []string{"FenceVps", "WaitForFence", "CheckVpsFenced", "Old server off?", "ProvisionVps", "WaitForServer", "CheckVps", "New server up?", "LockTenantBeforeMailu", "ConfigureMailu", "WaitForMailu", "CheckMailu", "Mailu ready?", "SetCredentials", "VerifyMailu", "ProbeOutbound", "SetReverseDns", "LockTenantAfterMailu", "Rotated meanwhile?", "AnnounceMove", "UpdateDns"}
	arrived  = []string{"WaitForDns", "CheckDns", "DNS visible?", "MoveTenant", "FenceVpsAgain", "UnlockTenant", "RecordAudit", "NotifyTenant", "AlertOperations", "Succeeded"}
	mailLoop = [][]string{rebooted[1:], {"WaitForFence", "CheckVpsFenced", "Old server off?"}, {"WaitForServer", "CheckVps", "New server up?"}, {"WaitForMailu", "CheckMailu", "Mailu ready?"}, {"WaitForDns", "CheckDns", "DNS visible?"}}
)

// acme is the tenant whose server dies; it is onboarded by the first test that needs it.
var acme *platform.MailTenant

func mailTenant(t *testing.T) *platform.MailTenant {
	t.Helper()
	if acme == nil {
		made, err := w.OnboardMail(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		acme = &made
		w.passwords["acme"] = made.Password
		for name, s := range made.Planted {
			w.planted[name] = s
		}
	}
	return acme
}

// straight drops repeats of every polling loop, also of one that breaks off before its end.
func straight(r runbook.Result) runbook.Result {
	var path []string
	for _, state := range r.Path {
		path = append(path, state)
		for _, loop := range mailLoop {
			if n := len(path); n >= 6 && slices.Equal(path[n-3:], loop) && slices.Equal(path[n-6:n-3], loop) {
				path = path[:n-3]
			}
			if n := len(path); n >= 6 && slices.Equal(path[n-6:n-3], loop) && slices.Equal(path[n-3:n-1], loop[:2]) && state != loop[2] {
				path = slices.Delete(path, n-6, n-3)
			}
		}
	}
	r.Path = path
	return r
}

func registered(t *testing.T, id string) tenant.Tenant {
	t.Helper()
	found, err := tenant.Registry{Database: dynamodb.NewFromConfig(w.AWS), Table: w.Outputs["TenantsTable"]}.Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// zone lists the records that matter as "name type value", without the lease.
func zone(t *testing.T, id string) []string {
	t.Helper()
	out, err := route53.NewFromConfig(w.AWS).ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(registered(t, id).HostedZoneID),
	})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, set := range out.ResourceRecordSets {
		if strings.HasPrefix(aws.ToString(set.Name), "_lease.") || set.Type == types.RRTypeSoa {
			continue
		}
		for _, r := range set.ResourceRecords {
			lines = append(lines, aws.ToString(set.Name)+" "+string(set.Type)+" "+aws.ToString(r.Value))
		}
	}
	return lines
}

func TestBadInputForAServer(t *testing.T) {
	mailTenant(t)
	before := registered(t, "acme")
	for name, tt := range map[string]struct{ input, fault, says string }{
		"unknown field":       {`{"tenant_id":"acme","reason":"x","color":"red"}`, "InvalidInput", `unknown field "color"`},
		"missing tenant":      {`{"reason":"x"}`, "InvalidInput", "tenant_id"},
		"missing reason":      {`{"tenant_id":"acme"}`, "InvalidInput", "reason"},
		"a field twice":       {`{"tenant_id":"acme","tenant_id":"other","reason":"x"}`, "InvalidInput", "twice"},
		"another letter case": {`{"Tenant_Id":"acme","reason":"x"}`, "InvalidInput", `unknown field "Tenant_Id"`},
		"malformed address":   {`{"tenant_id":"acme","reason":"x","new_vps_ip":"over there","host_key":"x"}`, "InvalidInput", "new_vps_ip"},
		"address without key": {`{"tenant_id":"acme","reason":"x","new_vps_ip":"127.0.0.77"}`, "InvalidInput", "host_key"},
		"nobody's tenant":     {`{"tenant_id":"nobody","reason":"x"}`, "TenantUnknown", "nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			r := recoverServer(t, tt.input)
			ended(t, r, "FailedClean", tt.fault, slices.Concat([]string{"Take the request", "LockTenant"}, failed, []string{"Clean or dirty?", "FailedClean"})...)
			if !strings.Contains(r.Cause, tt.says) {
				t.Errorf("the cause does not say %q: %s", tt.says, r.Cause)
			}
		})
	}
	if d := cmp.Diff(before.Lease, registered(t, "acme").Lease); d != "" {
		t.Errorf("the lease was touched:\n%s", d)
	}
}

func TestAServerThatIsWellIsLeftAlone(t *testing.T) {
	mailTenant(t)
	before := registered(t, "acme")
	plan := recoverServer(t, `{"tenant_id":"acme","reason":"what if","mode":"plan"}`)
	succeeded(t, plan)
	took(t, plan, planned...)
	servers := len(w.Mail.Provider.Servers())
	r := recoverServer(t, `{"tenant_id":"acme","reason":"just looking"}`)
	succeeded(t, r)
	took(t, r, append(slices.Clone(looked), "UnlockTenantNotNeeded", "RecordAuditNotNeeded", "AlertOperationsNotNeeded", "Succeeded")...)
	if now := registered(t, "acme"); now.Lease.Holder != "" || now.VPS != before.VPS || len(w.Mail.Provider.Servers()) != servers {
		t.Errorf("something was changed: %+v", now)
	}
}

// The zone points somewhere else than the registry says: a person is at work there. The new server goes again.
func TestARecoveryThatFailsIsPutBack(t *testing.T) {
	tenant := mailTenant(t)
	point := func(from, to string) {
		t.Helper()
		set := func(ip string) *types.ResourceRecordSet {
			return &types.ResourceRecordSet{Name: aws.String(tenant.Hostname), Type: types.RRTypeA, TTL: aws.Int64(60), ResourceRecords: []types.ResourceRecord{{Value: aws.String(ip)}}}
		}
		_, err := route53.NewFromConfig(w.AWS).ChangeResourceRecordSets(t.Context(), &route53.ChangeResourceRecordSetsInput{
			HostedZoneId: aws.String(registered(t, "acme").HostedZoneID),
			ChangeBatch: &types.ChangeBatch{Changes: []types.Change{
				{Action: types.ChangeActionDelete, ResourceRecordSet: set(from)}, {Action: types.ChangeActionCreate, ResourceRecordSet: set(to)},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	was := registered(t, "acme").VPS
	ip := was.IP.String()
	point(ip, "127.0.0.99")
	before, servers := zone(t, "acme"), len(w.Mail.Provider.Servers())
	r := recoverServer(t, `{"tenant_id":"acme","reason":"vps_failure","force":true}`)
	ended(t, straight(r), "FailedClean", "DNSRefused", slices.Concat(looked, rebuilt, []string{"UpdateDnsBack", "DestroyVps", "UnlockTenantAfterFailure"},
		failed, []string{"Clean or dirty?", "FailedClean"})...)
	if d := cmp.Diff(before, zone(t, "acme")); d != "" {
		t.Errorf("the zone was changed (-before +after):\n%s", d)
	}
	if now := registered(t, "acme"); now.Lease.Holder != "" || now.VPS != was {
		t.Errorf("the registry was changed: %+v", now)
	}
	if now := len(w.Mail.Provider.Servers()); now != servers {
		t.Errorf("%d servers, there were %d", now, servers)
	}
	point("127.0.0.99", ip)
}

func TestADeadServerIsReplaced(t *testing.T) {
	tenant := mailTenant(t)
	old := registered(t, "acme")
	for _, s := range w.Mail.Provider.Servers() {
		if err := w.Mail.Provider.Crash(s.ID, false); err != nil {
			t.Fatal(err)
		}
	}
	client := w.Mail.Client(*tenant)
	if err := client.IMAPS(t.Context()); err == nil {
		t.Fatal("the dead server lets a mail program in")
	}
	w.Mail.Provider.SetFaults(server.Faults{OutboundShut: true})
	defer w.Mail.Provider.SetFaults(server.Faults{})
	waiting := w.Mail.Sender.Queue(sender.Message{From: "they@sender.example", To: tenant.Address(), Subject: "Sent meanwhile", Text: "and it waited"})
	r := recoverServer(t, `{"tenant_id":"acme","reason":"vps_failure","requested_by":"mira"}`)
	succeeded(t, r)
	took(t, straight(r), slices.Concat(looked, rebooted, rebuilt, arrived)...)

	now := registered(t, "acme")
	if now.VPS.ID == old.VPS.ID || now.VPS.IP == old.VPS.IP || now.HostKey == old.HostKey || now.CredentialID != old.CredentialID || now.Lease.Holder != "" {
		t.Errorf("the registry says %+v", now)
	}
	if err := client.All(t.Context()); err != nil {
		t.Errorf("a browser and a mail program with the old password, through DNS: %v", err)
	}
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := waiting.Delivered(soon); err != nil {
		t.Errorf("mail that was sent to the dead server: %v", err)
	}
	if text, err := client.Find(soon, "Sent meanwhile"); err != nil || !strings.Contains(text, "and it waited") {
		t.Errorf("mail that was sent to the dead server: %q, %v", text, err)
	}
	if names, err := w.Mail.Resolver().LookupAddr(t.Context(), now.VPS.IP.String()); err != nil || !slices.Equal(names, []string{tenant.Hostname + "."}) {
		t.Errorf("the new address is called %v, %v", names, err)
	}
	for _, line := range zone(t, "acme") {
		if strings.Contains(line, old.VPS.IP.String()) {
			t.Errorf("the zone still says %s", line)
		}
	}
	for _, s := range w.Mail.Provider.Servers() {
		if s.Address == old.VPS.IP.String() && s.Status != "off" {
			t.Errorf("the old server is %s", s.Status)
		}
	}
	last := newest(t, audit.SMTPCredentialsRecovered)
	for _, want := range []string{old.VPS.IP.String(), now.VPS.IP.String(), "vps_failure", `"outbound_25":"closed"`} {
		if last.Event != audit.SMTPCredentialsRecovered || last.TenantID != "acme" || !strings.Contains(string(last.Details), want) {
			t.Errorf("the audit record lacks %s: %+v", want, last)
		}
	}
	if m := mail(t, w.operations, "smtp_credentials_recovered", r); !strings.Contains(m.Message, "mailboxes") || !strings.Contains(m.Message, "objective") || !strings.Contains(m.Message, "Next: ask the provider's support to open outbound port 25") {
		t.Errorf("notice:\n%s", m.Message)
	}
	// The tenant is told without the execution, but only this server could not send.
	told, err := w.tenants.Next(t.Context())
	if err != nil || !slices.ContainsFunc(told, func(m inbox.Mail) bool {
		return m.Attributes["tenant_id"] == "acme" && strings.Contains(m.Message, "waits on the new server") && strings.Contains(m.Message, "No action required")
	}) {
		t.Errorf("the tenant was told %+v, %v", told, err)
	}
	w.mails = append(w.mails, told...)
}
