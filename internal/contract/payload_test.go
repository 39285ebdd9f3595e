package contract

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/penguinmails/disaster-recovery/internal/approval"
	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/backstop"
	"github.com/penguinmails/disaster-recovery/internal/backup"
	"github.com/penguinmails/disaster-recovery/internal/credential"
	"github.com/penguinmails/disaster-recovery/internal/dns"
	"github.com/penguinmails/disaster-recovery/internal/mailprobe"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/notice"
	"github.com/penguinmails/disaster-recovery/internal/reconcile"
	"github.com/penguinmails/disaster-recovery/internal/restore"
	"github.com/penguinmails/disaster-recovery/internal/routine"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vps"
	"github.com/penguinmails/disaster-recovery/internal/watch"
)

// payload is what a function takes and gives.
type payload struct {
	in, out reflect.Type
	// accepts decodes an input as the function would: strictly, and with the input's own checks.
	accepts func([]byte) error
}

// payloads are the functions' types, which Go keeps inside their main packages; a test below holds the two together.
var payloads = map[string]payload{
	"alert-operations":       of[notice.Request, notice.Receipt](),
	"alert-security":         of[notice.Request, notice.Receipt](),
	"announce-move":          of[tenant.Move, tenant.Announced](),
	"approve-restore":        of[restore.Proposal, approval.Approval](),
	"check-approval":         of[restore.ConsentInput, restore.Consent](),
	"check-dns":              of[dns.CheckInput, dns.Sight](),
	"check-mailu":            of[mailu.CheckInput, mailu.Checked](),
	"check-vault":            of[restore.CheckInput, restore.Vault](),
	"check-vps":              of[vps.CheckInput, vps.Checked](),
	"claim-incident":         of[tenant.ClaimInput, tenant.Claimed](),
	"commit-credentials":     of[credential.CommitInput, credential.Committed](),
	"configure-mailu":        of[mailu.ConfigureInput, mailu.Configured](),
	"destroy-vps":            of[vps.DestroyInput, vps.Destroyed](),
	"fence-vps":              of[vps.FenceInput, vps.Fenced](),
	"find-stale-credentials": of[reconcile.FindInput, reconcile.Found](),
	"inventory-secrets":      of[backup.InventoryInput, backup.Inventory](),
	"lock-tenant":            of[tenant.LockInput, tenant.Locked](),
	"move-tenant":            of[tenant.MoveInput, tenant.Recovered](),
	"notify-tenant":          of[notice.Request, notice.Receipt](),
	"plan-backup":            of[backup.PlanInput, backup.Plan](),
	"probe-outbound":         of[mailu.OutboundInput, mailu.Outbound](),
	"probe-platform":         of[watch.ProbeInput, watch.Platform](),
	"probe-vps":              of[mailprobe.ProbeInput, mailprobe.Probed](),
	"promote-backup":         of[backup.PromoteInput, backup.Promoted](),
	"provision-vps":          of[vps.ProvisionInput, vps.Provisioned](),
	"prune-backups":          of[backup.PruneInput, backup.Pruned](),
	"record-audit":           of[audit.Request, audit.Receipt](),
	"register-tenant":        of[tenant.Registration, tenant.Registered](),
	"report-failure":         of[backstop.ReportInput, backstop.Report](),
	"restore-snapshot":       of[restore.OverInput, restore.Fed](),
	"revoke-access":          of[mailu.RevokeInput, mailu.Revoked](),
	"seed-vault":             of[restore.SeedInput, restore.Seeded](),
	"select-backup":          of[restore.SelectInput, restore.Backup](),
	"set-automation":         of[tenant.Setting, tenant.Setting](),
	"set-credentials":        of[mailu.SetInput, mailu.Credentials](),
	"set-reverse-dns":        of[vps.ReverseInput, vps.Reversed](),
	"snapshot-vault":         of[backup.SnapshotInput, backup.Snapshot](),
	"stage-credentials":      of[credential.StageInput, credential.Staged](),
	"start-backup":           of[backup.ChangeInput, backup.OnChange](),
	"start-clean-up":         of[backstop.CleanUpInput, backstop.CleaningUp](),
	"start-recovery":         of[watch.Delivery, watch.Response](),
	"start-rotations":        of[reconcile.StartInput, reconcile.Rotations](),
	"sweep-credentials":      of[routine.Input, routine.Swept](),
	"sweep-tenants":          of[watch.SweepInput, watch.Swept](),
	"test-credentials":       of[credential.TestInput, credential.Tested](),
	"unlock-tenant":          of[tenant.Release, tenant.Released](),
	"unseal-vault":           of[restore.UnsealInput, restore.Unsealed](),
	"update-dns":             of[dns.UpdateInput, dns.Update](),
	"update-dns-back":        of[dns.BackInput, dns.Update](),
	"verify-backup":          of[backup.VerifyInput, backup.Verified](),
	"verify-mailu":           of[mailprobe.VerifyInput, mailprobe.Verified](),
	"verify-secrets":         of[restore.VerifyInput, restore.Proof](),
}

// requests are what starts a runbook.
var requests = map[string]func([]byte) error{
	"backstop":                accepts[backstop.Request],
	"credential-compromise":   accepts[tenant.Incident],
	"credential-rotation":     accepts[credential.Request],
	"reconcile-after-restore": accepts[reconcile.Request],
	"vault-backup":            accepts[backup.Request],
	"vault-restore":           accepts[restore.Request],
	"vps-recovery":            accepts[tenant.Request],
}

func of[In, Out any]() payload {
	return payload{reflect.TypeFor[In](), reflect.TypeFor[Out](), accepts[In]}
}

func accepts[In any](text []byte) error {
	var in In
	if err := strictjson.Unmarshal(text, &in); err != nil {
		return err
	}
	if v, ok := any(in).(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
}

func parameters(t *testing.T, s state) map[string]any {
	t.Helper()
	if len(s.Parameters) == 0 {
		return nil
	}
	var out map[string]any
	if err := json.Unmarshal(s.Parameters, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// shape is what is certain about a value: a JSON object and its members, or nil for any other value, and for an object
// that nothing is known of.
type shape map[string]shape

// written is the shape of a Go value as JSON; optional members are left out.
func written(typ reflect.Type) shape { return shapeOf(typ, false) }

// understood is the shape that a Go type decodes: with every member.
func understood(typ reflect.Type) shape { return shapeOf(typ, true) }

func shapeOf(typ reflect.Type, optional bool) shape {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || reflect.PointerTo(typ).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()) {
		return nil
	}
	s := shape{}
	for i := range typ.NumField() {
		name, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		if typ.Field(i).Anonymous && name == "" { // its members are the struct's own
			maps.Copy(s, shapeOf(typ.Field(i).Type, optional))
			continue
		}
		if name != "" && name != "-" && (optional || !strings.Contains(options, "omit")) {
			s[name] = shapeOf(typ.Field(i).Type, optional)
		}
	}
	return s
}

// excess names the members of a value that a strict decoder of the type would refuse.
func excess(value, decoded shape, at string) []string {
	if decoded == nil {
		return nil
	}
	var found []string
	for name, member := range value {
		inner, ok := decoded[name]
		if !ok {
			found = append(found, at+name)
			continue
		}
		found = append(found, excess(member, inner, at+name+".")...)
	}
	return found
}

// common is what is certain when either may be there.
func common(a, b shape) shape {
	if a == nil || b == nil {
		return nil
	}
	both := shape{}
	for name, inA := range a {
		if inB, ok := b[name]; ok {
			both[name] = common(inA, inB)
		}
	}
	return both
}

// at follows a reference path ("$.plan.slot"); ok is false where it may lead nowhere.
func (s shape) at(path string) (member shape, ok bool) {
	fields := strings.Split(path, ".")
	if fields[0] != "$" {
		return nil, false
	}
	for _, field := range fields[1:] {
		if s, ok = s[field]; !ok {
			return nil, false
		}
	}
	return s, true
}

// with is a copy of the shape in which the path leads to the member.
func (s shape) with(path string, member shape) shape {
	if path == "$" {
		return member
	}
	field, rest, deeper := strings.Cut(strings.TrimPrefix(path, "$."), ".")
	changed := shape{}
	for name, old := range s {
		changed[name] = old
	}
	if deeper {
		member = s[field].with("$."+rest, member)
	}
	changed[field] = member
	return changed
}
