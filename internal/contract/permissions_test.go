package contract

import (
	"slices"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/audit"
)

const accountRoot = "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"

// isKeyOwner is the one statement with a wildcard action: without it a key's policy could lock everybody out of the key.
// IAM still decides who in the account may do what.
func (g grant) isKeyOwner() bool {
	return g.Kind == "AWS::KMS::Key" && slices.Equal(g.Principal["AWS"], list{accountRoot}) && slices.Equal(g.Action, list{"kms:*"})
}

func TestNoPolicyAllowsEverything(t *testing.T) {
	for _, g := range grants(t, readTemplate(t)) {
		if g.NotAction != nil || g.NotResource != nil || g.NotPrincipal != nil {
			t.Errorf("%s: says what it does not mean, and so allows the rest", g)
		}
		if g.Effect != "Allow" {
			continue
		}
		for _, action := range g.Action {
			if strings.Contains(action, "*") && !g.isKeyOwner() {
				t.Errorf("%s: a wildcard action", g)
			}
		}
		for kind := range g.Principal {
			if kind == "*" || slices.Contains(g.Principal[kind], "*") {
				t.Errorf("%s: for everybody", g)
			}
		}
	}
}

// resourceless are the actions that know no resources, so that a policy can only say "*": X-Ray's and those of log
// delivery; CloudWatch's metrics are bounded by their namespace.
var resourceless = []string{
	"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets",
	"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
	"logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
	"cloudwatch:PutMetricData",
}

func TestPoliciesNameTheirResources(t *testing.T) {
	for _, g := range grants(t, readTemplate(t)) {
		if g.Effect != "Allow" || !slices.Contains(g.Resource, "*") || g.Kind == "AWS::KMS::Key" { // there it is the key
			continue
		}
		for _, action := range g.Action {
			if !slices.Contains(resourceless, action) {
				t.Errorf("%s: %s on everything", g, action)
			}
			if action == "cloudwatch:PutMetricData" && g.Condition["StringEquals"]["cloudwatch:namespace"] != namespace {
				t.Errorf("%s: metrics of any namespace", g)
			}
		}
	}
}

// A service that acts for us acts for other accounts too, and must not be talked into using our permissions for them.
// Lambda's trust is the exception: a function can only be given a role of its own account (iam:PassRole knows no other),
// and AWS documents the two keys for the roles of Step Functions and EventBridge, not for those of Lambda.
func TestServicesActForThisAccountOnly(t *testing.T) {
	services := 0
	for _, g := range grants(t, readTemplate(t)) {
		for _, service := range g.Principal["Service"] {
			services++
			trust := g.Kind == "AWS::IAM::Role" && service == "lambda.amazonaws.com"
			if g.Effect == "Allow" && !trust && !g.conditioned("aws:SourceArn", "aws:SourceAccount") {
				t.Errorf("%s: for %s, whoever it acts for", g, service)
			}
		}
	}
	if services == 0 {
		t.Error("no statement speaks of a service")
	}
}

// The local engine does not enforce the machines' roles, so they are held against what the machines call here.
func TestMachinesMayCallWhatTheyCall(t *testing.T) {
	tm := readTemplate(t)
	all := grants(t, tm)
	for _, runbook := range runbooks(t) {
		want := map[string]bool{}
		readMachine(t, runbook).eachTask(func(_ string, s state) {
			if step := s.step(); step != "" {
				want["lambda:InvokeFunction on ${"+title(step)+"Function.Arn}"] = true
				return
			}
			service, action, _ := strings.Cut(strings.TrimPrefix(s.Resource, "arn:aws:states:::aws-sdk:"), ":")
			want[service+":"+strings.ToUpper(action[:1])+action[1:]+" on *"] = true
		})
		for _, g := range all {
			if g.Owner != title(runbook)+"Role" || g.Principal != nil {
				continue
			}
			for _, action := range g.Action {
				for _, resource := range g.Resource {
					may := action + " on " + resource
					if !want[may] {
						t.Errorf("%s may %s, and does not call it", runbook, may)
					}
					delete(want, may)
				}
			}
		}
		for call := range want {
			t.Errorf("%s must be allowed %s", runbook, call)
		}
	}
}

// What only one step may do: whoever else could would undo what that step is trusted for.
func TestDangerousActionsHaveOneHolder(t *testing.T) {
	all := grants(t, readTemplate(t))
	slot := "${Backups.Arn}/" + archive.Daily.Prefix() + "2026-11-24/"
	record := "${Backups.Arn}/" + audit.CopyKey(audit.Platform, 1)
	putsObjects := func(action string) bool { return strings.HasPrefix(action, "s3:Put") }
	writes := func(action string) bool {
		verb := action[strings.Index(action, ":")+1:]
		return slices.ContainsFunc([]string{"Put", "Update", "Write", "Batch", "Delete", "PartiQL", "Restore"}, func(prefix string) bool {
			return strings.HasPrefix(verb, prefix)
		})
	}
	deletes := func(action string) bool {
		return action != "logs:DeleteLogDelivery" && action != "cloudwatch:DeleteAlarms" && // of settings, not of data
			(strings.Contains(action, ":Delete") || strings.Contains(action, "Deletion") || strings.Contains(action, ":Bypass"))
	}
	for what, c := range map[string]struct {
		action, resource func(string) bool
		holder           string
	}{
		"sign":                        {is("kms:Sign"), anything, "VerifyBackupRole"},
		"write a manifest":            {is("s3:PutObject"), covers(slot + "manifest.json"), "VerifyBackupRole"},
		"write a snapshot":            {is("s3:PutObject"), covers(slot + "vault-snapshot.enc"), "SnapshotVaultRole"},
		"write an inventory":          {is("s3:PutObject"), covers(slot + "inventory.enc"), "InventorySecretsRole"},
		"delete":                      {deletes, anything, "PruneBackupsRole"},
		"write the audit table":       {writes, is("${AuditTable.Arn}"), "RecordAuditRole"},
		"write the audit heads":       {writes, is("${AuditHeadsTable.Arn}"), "RecordAuditRole"},
		"write a record's copy":       {putsObjects, covers(record), "RecordAuditRole"},
		"read the key shares":         {is("secretsmanager:GetSecretValue"), is("${UnsealSharesSecret.Id}"), "UnsealVaultRole"},
		"start vault-backup":          {is("states:StartExecution"), is("${VaultBackupStateMachine}"), "DrOperator NightlyBackupRole StartBackupRole SweepTenantsRole"},
		"start vault-restore":         {is("states:StartExecution"), is("${VaultRestoreStateMachine}"), "DrOperator"},
		"start vps-recovery":          {is("states:StartExecution"), is("${VpsRecoveryStateMachine}"), "DrOperator StartCleanUpRole StartRecoveryRole SweepTenantsRole"},
		"start reconciliation":        {is("states:StartExecution"), is("${ReconcileAfterRestoreStateMachine}"), "DrOperator RestoredVaultRole SweepTenantsRole"},
		"start credential-compromise": {is("states:StartExecution"), is("${CredentialCompromiseStateMachine}"), "DetectedCompromiseRole DrOperator"},
		"start credential-rotation":   {is("states:StartExecution"), is("${CredentialRotationStateMachine}"), "DrOperator StartRotationsRole SweepCredentialsRole"},
		"approve of a restore":        {writes, is("${ApprovalsTable.Arn}"), "ApproveRestoreRole RestoreSnapshotRole"},
		"give an approval":            {is("dynamodb:PutItem"), is("${ApprovalsTable.Arn}"), "ApproveRestoreRole"},
		"ask for an approval":         {is("lambda:InvokeFunction"), is("${ApproveRestoreFunction.Arn}"), "DrApprover"},
		"stop automation":             {is("lambda:InvokeFunction"), is("${SetAutomationFunction.Arn}"), "DrOperator"},
		"ring for a server":           {is("sns:Publish"), is("${ServerAlarmsTopic}"), "ServerAlarmsTopicPolicy"},
		"put an alarm":                {is("cloudwatch:PutMetricAlarm"), is(serverAlarms), "RegisterTenantRole SweepTenantsRole"},
		"delete an alarm":             {is("cloudwatch:DeleteAlarms"), anything, "SweepTenantsRole"},
		"tell the operators":          {is("sns:Publish"), is("${OperationsTopic}"), "AlertOperationsRole OperationsTopicPolicy StartRecoveryRole"},
		"tell tenants":                {is("sns:Publish"), is("${TenantTopic}"), "NotifyTenantRole SweepCredentialsRole"},
		"tell the security team":      {is("sns:Publish"), is("${SecurityTopic}"), "AlertSecurityRole"},
	} {
		if got := strings.Join(holders(all, c.action, c.resource), " "); got != c.holder {
			t.Errorf("%s: allowed to %q, not to %q", what, got, c.holder)
		}
	}
}

// An operator starts runbooks and stops automation, and invokes no function else: its input would pass by the runbook.
func TestOperatorsInvokeOneFunction(t *testing.T) {
	for _, g := range grants(t, readTemplate(t)) {
		if g.Owner == "DrOperator" && g.Effect == "Allow" && slices.ContainsFunc(g.Action, func(a string) bool { return strings.HasPrefix(a, "lambda:") }) &&
			(!slices.Equal(g.Action, list{"lambda:InvokeFunction"}) || !slices.Equal(g.Resource, list{"${SetAutomationFunction.Arn}"})) {
			t.Error(g)
		}
	}
}

// It takes two: who may start a restore is denied to approve of it, whatever else allows it, and who may approve starts
// nothing.
func TestWhoStartsARestoreDoesNotApproveOfIt(t *testing.T) {
	denied := false
	for _, g := range grants(t, readTemplate(t)) {
		denied = denied || g.Owner == "DrOperator" && g.Effect == "Deny" && len(g.Condition) == 0 &&
			slices.Equal(g.Action, list{"lambda:InvokeFunction"}) && slices.Equal(g.Resource, list{"${ApproveRestoreFunction.Arn}", "${ApproveRestoreFunction.Arn}:*"})
		if g.Owner == "DrApprover" && g.Effect == "Allow" && slices.ContainsFunc(g.Action, func(a string) bool {
			return a != "lambda:InvokeFunction" && a != "states:DescribeExecution" && a != "states:GetExecutionHistory"
		}) {
			t.Error(g)
		}
	}
	if !denied {
		t.Error("DrOperator is not denied to approve")
	}
}

// An alarm or a rule that may not use the topics' key loses its message without a word.
func TestThePlatformKeyAdmitsAlarmsAndRules(t *testing.T) {
	for _, service := range []string{"cloudwatch.amazonaws.com", "events.amazonaws.com"} {
		admitted := false
		for _, g := range grants(t, readTemplate(t)) {
			admitted = admitted || g.Owner == "PlatformKey" && g.Effect == "Allow" &&
				slices.Contains(g.Principal["Service"], service) &&
				slices.Contains(g.Action, "kms:Decrypt") && slices.Contains(g.Action, "kms:GenerateDataKey")
		}
		if !admitted {
			t.Errorf("PlatformKey does not admit %s", service)
		}
	}
}
