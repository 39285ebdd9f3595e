//go:build platform

package suite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/local/inbox"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/watch"
)

// automatic lets recoveries start by themselves until the test ends.
func automatic(t *testing.T) {
	t.Helper()
	set(t, tenant.Setting{Stopped: false})
	t.Cleanup(func() { set(t, tenant.Setting{Stopped: true}) })
}

func set(t *testing.T, s tenant.Setting) {
	t.Helper()
	s.Reason, s.RequestedBy = "a test", "suite"
	if err := w.SetAutomation(context.WithoutCancel(t.Context()), s); err != nil {
		t.Fatal(err)
	}
}

// unserved registers tenants of whose servers there is nothing, neither here nor at the provider, and takes them out again.
func unserved(t *testing.T, prefix string, n int) (ids []string) {
	t.Helper()
	client := route53.NewFromConfig(w.AWS)
	domain := prefix + ".example.org"
	made, err := client.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{Name: &domain, CallerReference: aws.String(uuid.NewString())})
	if err != nil {
		t.Fatal(err)
	}
	var records []types.Change
	for i := range n {
		ids = append(ids, fmt.Sprintf("%s-%02d", prefix, i))
		records = append(records, types.Change{Action: types.ChangeActionCreate, ResourceRecordSet: &types.ResourceRecordSet{
			Name: aws.String(ids[i] + "." + domain), Type: types.RRTypeA, TTL: aws.Int64(60),
			ResourceRecords: []types.ResourceRecord{{Value: aws.String(nobody(i).String())}},
		}})
	}
	zone := aws.ToString(made.HostedZone.Id)
	_, err = client.ChangeResourceRecordSets(t.Context(), &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: &zone, ChangeBatch: &types.ChangeBatch{Changes: records}})
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		err := w.Invoke(t.Context(), "register-tenant", tenant.Registration{Description: tenant.Description{
			ID: id, Name: id, Contact: "owner@elsewhere.example.com", Domains: []string{id + "." + domain}, Hostname: id + "." + domain,
			HostedZoneID: strings.TrimPrefix(zone, "/hostedzone/"),
			// The provider knows no such type: a recovery that starts is soon over, and builds nothing.
			VPS:     tenant.VPS{Provider: "hetzner", ID: fmt.Sprint(9000 + i), IP: nobody(i), Region: "fsn1", Type: "none"},
			Regions: []string{"fsn1"}, HostKey: registered(t, "acme").HostKey, CredentialID: uuid.NewString(), Priority: 9,
		}}, &tenant.Registered{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unregister(t, id) })
	}
	return ids
}

// nobody is the i-th address at which nobody listens.
func nobody(i int) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 77, byte(i + 1)}) }

func record(id string) map[string]ddbtypes.AttributeValue {
	return map[string]ddbtypes.AttributeValue{"tenant_id": &ddbtypes.AttributeValueMemberS{Value: id}}
}

func unregister(t *testing.T, id string) {
	t.Helper()
	_, err := dynamodb.NewFromConfig(w.AWS).DeleteItem(context.WithoutCancel(t.Context()), &dynamodb.DeleteItemInput{
		TableName: aws.String(w.Outputs["TenantsTable"]), Key: record(id)})
	if err != nil {
		t.Error(err)
	}
}

// rings publishes what CloudWatch publishes when the alarm on a tenant's server rings, and returns the time it says.
func rings(ctx context.Context, id string) (at string, err error) {
	at = time.Now().UTC().Format("2006-01-02T15:04:05.000000000+0000")
	message, err := json.Marshal(map[string]any{
		"AlarmName": watch.AlarmName(id), "AlarmDescription": "down", "AWSAccountId": "123456789012", "NewStateValue": "ALARM",
		"NewStateReason": "Threshold Crossed", "StateChangeTime": at, "Region": "US East (N. Virginia)", "OldStateValue": "OK",
		"Trigger": map[string]any{"MetricName": watch.ServerDown, "Namespace": watch.Namespace, "Period": 60},
	})
	if err != nil {
		return "", err
	}
	_, err = sns.NewFromConfig(w.AWS).Publish(ctx, &sns.PublishInput{
		TopicArn: aws.String(w.Outputs["ServerAlarmsTopic"]), Message: aws.String(string(message)), Subject: aws.String("ALARM")})
	return at, err
}

// recovery is an execution of vps-recovery that the watch started.
type recovery struct{ arn, name, input string }

// runs are the tenant's executions that the watch started: by their names.
func runs(t *testing.T, id string) (all []recovery) {
	t.Helper()
	pages := sfn.NewListExecutionsPaginator(w.desk.States, &sfn.ListExecutionsInput{StateMachineArn: aws.String(w.Outputs["VpsRecoveryArn"])})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Executions {
			if !strings.HasPrefix(aws.ToString(e.Name), id+"-") {
				continue
			}
			described, err := w.desk.States.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: e.ExecutionArn})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, recovery{aws.ToString(e.ExecutionArn), aws.ToString(e.Name), aws.ToString(described.Input)})
		}
	}
	return all
}

// abort ends what the watch has started for a tenant.
func abort(t *testing.T, id string) {
	t.Helper()
	for _, r := range runs(t, id) {
		if _, err := w.desk.States.StopExecution(t.Context(), &sfn.StopExecutionInput{ExecutionArn: aws.String(r.arn)}); err != nil {
			t.Logf("%s: %v", r.name, err) // it has ended by itself
		}
	}
}

// notStarted waits for the notice that says of an alarm that nothing was started.
func notStarted(t *testing.T, at string) (found inbox.Mail) {
	t.Helper()
	await(t, "a notice of the alarm of "+at, func() (ok bool) {
		found, ok = noticed(t, at)
		return ok
	})
	return found
}

// noticed reads the operators' mail, and finds what they were told of an alarm.
func noticed(t *testing.T, at string) (inbox.Mail, bool) {
	t.Helper()
	among := func(mails []inbox.Mail) (inbox.Mail, bool) {
		at := slices.IndexFunc(mails, func(m inbox.Mail) bool {
			return m.Attributes["type"] == "vps_recovery_not_started" && strings.Contains(m.Message, at)
		})
		if at < 0 {
			return inbox.Mail{}, false
		}
		return mails[at], true
	}
	if found, ok := among(w.mails); ok {
		return found, true
	}
	mails, err := w.operations.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.mails = append(w.mails, mails...)
	return among(mails)
}

func alarm(t *testing.T, id string) (state cwtypes.StateValue) {
	t.Helper()
	out, err := cloudwatch.NewFromConfig(w.AWS).DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{watch.AlarmName(id)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.MetricAlarms) == 0 {
		return ""
	}
	return out.MetricAlarms[0].StateValue
}

func probe(t *testing.T) watch.Platform {
	t.Helper()
	var seen watch.Platform
	if err := w.Invoke(t.Context(), "probe-platform", watch.ProbeInput{}, &seen); err != nil {
		t.Fatal(err)
	}
	return seen
}

func sweep(t *testing.T, at time.Time) watch.Swept {
	t.Helper()
	var swept watch.Swept
	if err := w.Invoke(t.Context(), "sweep-tenants", watch.SweepInput{ScheduledTime: at}, &swept); err != nil {
		t.Fatal(err)
	}
	return swept
}

var executionName = regexp.MustCompile(`^acme-[0-9a-f]{16}$`)

// From the dead host to mail on a server again, and nobody typed anything.
func TestTheWatchRecoversADeadServer(t *testing.T) {
	acme := mailTenant(t)
	if seen := probe(t); seen.Down != 0 || seen.Tenants == 0 || !seen.VaultUsable {
		t.Fatalf("before: %+v", seen)
	}
	await(t, "the alarm is at rest", func() bool { return alarm(t, "acme") == cwtypes.StateValueOk })
	automatic(t)
	ip := registered(t, "acme").VPS.IP.String()
	for _, s := range w.Mail.Provider.Servers() {
		if s.Address == ip {
			if err := w.Mail.Provider.Crash(s.ID, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	if seen := probe(t); seen.Down != 1 {
		t.Errorf("the probe saw %+v", seen)
	}
	await(t, "a recovery starts", func() bool { return len(runs(t, "acme")) > 0 })
	started := runs(t, "acme")
	want := `{"tenant_id":"acme","reason":"alarm pmdr-server-down-acme","requested_by":"cloudwatch.amazonaws.com"}`
	if len(started) != 1 || !executionName.MatchString(started[0].name) || started[0].input != want {
		t.Fatalf("started %+v, want one with the input %s", started, want)
	}
	result, err := w.desk.Wait(t.Context(), started[0].arn)
	if err != nil {
		t.Fatal(err)
	}
	succeeded(t, result)
	if err := w.Mail.Client(*acme).IMAPS(t.Context()); err != nil {
		t.Errorf("a mail program with the old password: %v", err)
	}
	if now := registered(t, "acme"); now.Lease.Holder != "" {
		t.Errorf("the lease is held by %s", now.Lease.Holder)
	}

	// The server flaps: within the hour no machine tries again, and people are told.
	at, err := rings(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if m := notStarted(t, at); !strings.Contains(m.Message, "within the last hour") || m.Attributes["tenant_id"] != "acme" ||
		!strings.Contains(m.Message, "Next: aws stepfunctions start-execution --state-machine-arn "+w.Outputs["VpsRecoveryArn"]) {
		t.Errorf("the notice says\n%s", m.Message)
	}
	if now := runs(t, "acme"); len(now) != 1 {
		t.Errorf("started %+v", now)
	}
}

func TestTheWatchStartsNothingForWhatItDoesNotKnow(t *testing.T) {
	automatic(t)
	for name, c := range map[string]struct{ message, fault string }{
		"unknown tenant": {`{"AlarmName":"pmdr-server-down-nobody","NewStateValue":"ALARM","StateChangeTime":"2026-11-24T06:00:00.000+0000"}`, "TenantUnknown"},
		"no tenant id":   {`{"AlarmName":"pmdr-server-down-#budget","NewStateValue":"ALARM","StateChangeTime":"2026-11-24T06:00:00.000+0000"}`, "InvalidInput"},
		"another alarm":  {`{"AlarmName":"pmdr-vault-backup-failed","NewStateValue":"ALARM","StateChangeTime":"2026-11-24T06:00:00.000+0000"}`, "InvalidInput"},
		"no alarm":       {`the server is down`, "InvalidInput"},
	} {
		event := map[string]any{"Records": []any{map[string]any{"EventSource": "aws:sns", "Sns": map[string]any{"Message": c.message}}}}
		err := w.Invoke(t.Context(), "start-recovery", event, &watch.Response{})
		var failed *platform.FunctionFailed
		if !errors.As(err, &failed) || failed.Name != c.fault {
			t.Errorf("%s: %v, want %s", name, err, c.fault)
		}
	}
	if now := runs(t, "nobody"); len(now) != 0 {
		t.Errorf("started %+v", now)
	}
}

// Automation is stopped, for all and for one; then it goes on, and the sweep starts what the alarm could not. It starts it
// once, and forgets whoever is gone.
func TestTheWatchStopsAndCatchesUp(t *testing.T) {
	mailTenant(t)
	id := unserved(t, "late", 1)[0]
	refused := func(why string) {
		t.Helper()
		at, err := rings(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if m := notStarted(t, at); !strings.Contains(m.Message, why) {
			t.Errorf("the notice says\n%s", m.Message)
		}
		if now := runs(t, id); len(now) != 0 {
			t.Fatalf("started %+v", now)
		}
	}
	refused("All automation is stopped.")
	set(t, tenant.Setting{Stopped: true, TenantID: id})
	automatic(t)
	refused("Automatic recoveries of this tenant are stopped.")

	if seen := probe(t); seen.Down == 0 {
		t.Errorf("the probe saw %+v", seen)
	}
	await(t, "the alarm rings", func() bool { return alarm(t, id) == cwtypes.StateValueAlarm })
	sweep(t, time.Now())
	if now := runs(t, id); len(now) != 0 {
		t.Fatalf("the sweep started %+v for a tenant that people have in hand", now)
	}
	set(t, tenant.Setting{Stopped: false, TenantID: id})
	at := time.Now()
	for range 2 {
		sweep(t, at)
	}
	want := fmt.Sprintf(`{"tenant_id":%q,"reason":"alarm pmdr-server-down-%s","requested_by":"events.amazonaws.com"}`, id, id)
	if now := runs(t, id); len(now) != 1 || now[0].input != want {
		t.Errorf("started %+v, want one with the input %s", now, want)
	}
	abort(t, id)
	unregister(t, id)
	sweep(t, time.Now())
	if got := alarm(t, id); got != "" {
		t.Errorf("the alarm of a tenant that is gone is %s", got)
	}
	if got := alarm(t, "acme"); got == "" {
		t.Error("the alarm of another tenant went with it")
	}
	if again := sweep(t, time.Now()); again.AlarmsPut != 0 || again.AlarmsDeleted != 0 {
		t.Errorf("with all alarms in step: %+v", again)
	}
}

// A region is gone: fifty servers at once. Machines start as many recoveries as they may; for all others people are called.
func TestTheWatchKeepsToItsBudget(t *testing.T) {
	const atOnce = 3 // the parameter's default
	mailTenant(t)
	ids := unserved(t, "region", 50)
	automatic(t)
	times := make([]string, len(ids))
	var all errgroup.Group
	for i, id := range ids {
		all.Go(func() (err error) { times[i], err = rings(t.Context(), id); return err })
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	started, told := 0, 0
	for i, id := range ids {
		if len(runs(t, id)) > 0 {
			started++
			continue
		}
		await(t, id+" is recovered or told of", func() bool {
			_, ok := noticed(t, times[i])
			return ok || len(runs(t, id)) > 0
		})
		if len(runs(t, id)) > 0 {
			started++
		} else {
			told++
		}
	}
	if started == 0 || started > atOnce || started+told != len(ids) {
		t.Errorf("%d were started, of %d people were told; %d may run at once", started, told, atOnce)
	}
	t.Logf("%d were started, of %d people were told", started, told)
	for _, id := range ids {
		if now := runs(t, id); len(now) > 1 {
			t.Errorf("%s was started %d times", id, len(now))
		}
		abort(t, id)
	}
}

// A record that cannot be read is a fault of the round, and the others are watched all the same.
func TestTheWatchIsNotBlindedByABrokenRecord(t *testing.T) {
	mailTenant(t)
	broken := record("broken")
	broken["hostname"] = &ddbtypes.AttributeValueMemberN{Value: "7"}
	_, err := dynamodb.NewFromConfig(w.AWS).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(w.Outputs["TenantsTable"]), Item: broken})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unregister(t, "broken") })
	acme := cwtypes.Dimension{Name: aws.String("TenantId"), Value: aws.String("acme")}
	before := counted(t, watch.ServerDown, acme)
	var failed *platform.FunctionFailed
	err = w.Invoke(t.Context(), "probe-platform", watch.ProbeInput{}, &watch.Platform{})
	if !errors.As(err, &failed) || failed.Name != "Unexpected" {
		t.Errorf("the round ended with %v", err)
	}
	if now := counted(t, watch.ServerDown, acme); now <= before {
		t.Errorf("acme was looked at %v times, and %v times before", now, before)
	}
	sweep(t, time.Now())
	if alarm(t, "acme") == "" {
		t.Error("the sweep took an alarm away")
	}
}

// The rule really fires: a heartbeat comes that nobody here asked for, and its alarm is at rest.
func TestTheWatchGoesItsRounds(t *testing.T) {
	before := counted(t, watch.ProbeHeartbeat)
	await(t, "a round", func() bool { return counted(t, watch.ProbeHeartbeat) > before })
	out, err := cloudwatch.NewFromConfig(w.AWS).DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{
		AlarmNames: []string{"pmdr-no-whole-probe-in-5-minutes"}})
	if err != nil || len(out.MetricAlarms) != 1 || out.MetricAlarms[0].StateValue != cwtypes.StateValueOk {
		t.Errorf("the alarm on the heartbeat: %+v, %v", out, err)
	}
}

// counted is how many values a metric got within the last hours.
func counted(t *testing.T, metric string, dimensions ...cwtypes.Dimension) float64 {
	t.Helper()
	out, err := cloudwatch.NewFromConfig(w.AWS).GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String(watch.Namespace), MetricName: &metric, Period: aws.Int32(86400),
		Dimensions: dimensions, Statistics: []cwtypes.Statistic{cwtypes.StatisticSampleCount},
		StartTime: aws.Time(time.Now().Add(-12 * time.Hour)), EndTime: aws.Time(time.Now().Add(time.Hour)),
	})
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, p := range out.Datapoints {
		total += aws.ToFloat64(p.SampleCount)
	}
	return total
}
