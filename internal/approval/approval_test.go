package approval

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

var now = time.Date(2026, 11, 24, 9, 0, 0, 123, time.FixedZone("", 3600))

func given() Approval {
	return New(Approval{ClusterID: "c", ManifestSHA256: "m", BackupDate: "2026-11-22", RequestedBy: "mira", ApprovedBy: "ines", Reason: "why"}, now)
}

func TestAnApprovalHoldsForAnHourAndForOneRun(t *testing.T) {
	used := given()
	used.UsedBy = "arn:run"
	for name, tt := range map[string]struct {
		a         Approval
		requester string
		after     time.Duration
		want      string
	}{
		"at once":            {given(), "mira", 0, ""},
		"spelled otherwise":  {given(), " Mira ", 0, ""},
		"in the last second": {given(), "mira", time.Hour - time.Second, ""},
		"after an hour":      {given(), "mira", time.Hour, "the approval ended at 2026-11-24T09:00:00Z"},
		"used":               {used, "mira", 0, "the approval was used by arn:run"},
		"for somebody else":  {given(), "otto", 0, "it was approved for somebody else"},
		"for nobody":         {given(), "", 0, "it was approved for somebody else"},
		"by who asks":        {given(), "INES", 0, "who asks is who approved it"},
		"none":               {Approval{}, "mira", 0, "nobody has approved it"},
	} {
		if got := tt.a.Hindrance(tt.requester, now.Truncate(time.Second).Add(tt.after)); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// memory is the one table, as far as this package goes.
type memory struct {
	t     *testing.T
	items map[string]map[string]types.AttributeValue
	fail  error
}

func at(t *testing.T, item map[string]types.AttributeValue) string {
	t.Helper()
	cluster, ok := item["cluster_id"].(*types.AttributeValueMemberS)
	manifest, too := item["manifest_sha256"].(*types.AttributeValueMemberS)
	if !ok || !too {
		t.Fatalf("the key of %v", item)
	}
	return cluster.Value + "/" + manifest.Value
}

func (m *memory) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	if !aws.ToBool(in.ConsistentRead) || aws.ToString(in.TableName) != "pmdr-approvals" {
		m.t.Error("a read that may be stale, or of another table")
	}
	return &dynamodb.GetItemOutput{Item: maps.Clone(m.items[at(m.t, in.Key)])}, m.fail
}

func (m *memory) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if m.fail == nil {
		m.items[at(m.t, in.Item)] = in.Item
	}
	return &dynamodb.PutItemOutput{}, m.fail
}

func (m *memory) UpdateItem(_ context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	const set, when = "SET #used_by = :execution", "#used_by = :nobody AND #approved_at = :given"
	if aws.ToString(in.UpdateExpression) != set || aws.ToString(in.ConditionExpression) != when {
		m.t.Fatalf("%s when %s", *in.UpdateExpression, *in.ConditionExpression)
	}
	value := func(v types.AttributeValue) string {
		s, _ := v.(*types.AttributeValueMemberS)
		if s == nil {
			return "none"
		}
		return s.Value
	}
	item, v := m.items[at(m.t, in.Key)], in.ExpressionAttributeValues
	switch {
	case m.fail != nil:
		return nil, m.fail
	case value(item["used_by"]) != value(v[":nobody"]) || value(item["approved_at"]) != value(v[":given"]):
		return nil, &types.ConditionalCheckFailedException{}
	}
	item["used_by"] = v[":execution"]
	return &dynamodb.UpdateItemOutput{}, nil
}

func TestAnApprovalIsUsedOnce(t *testing.T) {
	ctx := t.Context()
	m := &memory{t: t, items: map[string]map[string]types.AttributeValue{}}
	table := Table{Database: m, Name: "pmdr-approvals"}
	if got, err := table.Find(ctx, "c", "m"); err != nil || got != (Approval{}) {
		t.Errorf("none: %+v, %v", got, err)
	}
	if ok, err := table.Use(ctx, given(), "arn:run"); ok || err != nil {
		t.Errorf("one that was never given is used: %v, %v", ok, err)
	}
	if err := table.Give(ctx, given()); err != nil {
		t.Fatal(err)
	}
	found, err := table.Find(ctx, "c", "m")
	if err != nil || found != given() {
		t.Fatalf("found %+v, %v", found, err)
	}
	if other, err := table.Find(ctx, "c", "another backup"); err != nil || other != (Approval{}) {
		t.Errorf("another backup: %+v, %v", other, err)
	}
	if ok, err := table.Use(ctx, found, "arn:run"); !ok || err != nil {
		t.Fatalf("Use = %v, %v", ok, err)
	}
	for _, run := range []string{"arn:run", "arn:another"} {
		if ok, err := table.Use(ctx, found, run); ok || err != nil {
			t.Errorf("used twice by %s: %v, %v", run, ok, err)
		}
	}
	if used, err := table.Find(ctx, "c", "m"); err != nil || used.UsedBy != "arn:run" {
		t.Errorf("used: %+v, %v", used, err)
	}
	if err := table.Give(ctx, New(given(), now.Add(time.Minute))); err != nil {
		t.Fatal(err)
	}
	if ok, err := table.Use(ctx, given(), "arn:run"); ok || err != nil {
		t.Errorf("an approval that was given anew meanwhile is used as the former one: %v, %v", ok, err)
	}
}

func TestFaultsOfTheTable(t *testing.T) {
	for want, cause := range map[fault.Name]error{
		fault.AWSUnavailable: context.DeadlineExceeded,
		fault.AWSRefused:     &smithy.GenericAPIError{Code: "AccessDeniedException"},
	} {
		table := Table{Database: &memory{t: t, fail: cause}, Name: "pmdr-approvals"}
		_, found := table.Find(t.Context(), "c", "m")
		_, used := table.Use(t.Context(), given(), "arn:run")
		for what, err := range map[string]error{"Give": table.Give(t.Context(), given()), "Find": found, "Use": used} {
			if !fault.Is(err, want) || !errors.Is(err, cause) {
				t.Errorf("%s: %v, want %s", what, err, want)
			}
		}
	}
}
