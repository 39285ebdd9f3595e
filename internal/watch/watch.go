// Package watch sees that a mail server has died, and starts its recovery without being asked. Four functions that are no
// step of a runbook: ProbePlatform knocks at every server and puts a metric for each; an alarm of CloudWatch on that metric
// invokes StartRecovery through a topic; SweepTenants looks every few minutes for what fell through, and keeps the alarms in
// step with the registry; tenant.Automation is the switch that stops all of it.
//
// The watch decides little: how often it may act is the budget's to say (package tenant), and whether the server is really
// dead the runbook's own, which looks again before it touches anything.
package watch

import (
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/launch"
)

// Namespace is that of the product's metrics.
const Namespace = "PenguinMails/DR"

// The metrics of the watch. What has no unit is 0 or 1. Metrics cost by the piece: there is one for each tenant, and why a
// server counts as down stands in the log.
const (
	ServerDown     = "ServerDown"     // by TenantId
	VaultUsable    = "VaultUsable"    // some node is unsealed and leads
	ProbeHeartbeat = "ProbeHeartbeat" // 1: every tenant was probed
	ServersWaiting = "ServersWaiting" // servers that are down, and for which nothing runs or may be started
)

// tenantDimension is the one dimension of ServerDown.
const tenantDimension = "TenantId"

// alarmPrefix begins the name of every alarm on a tenant's server.
const alarmPrefix = "pmdr-server-down-"

// AlarmName is the name of the alarm on a tenant's server.
func AlarmName(tenantID string) string { return alarmPrefix + tenantID }

// tenantOf is the tenant on whose server the alarm is. Whether the id has the form of one is the registry's to say.
func tenantOf(alarm string) (string, error) {
	id, ok := strings.CutPrefix(alarm, alarmPrefix)
	if !ok {
		return "", fault.InvalidInput.Tellf("the alarm is not one on a tenant's server")
	}
	return id, nil
}

// executionName is the name of the execution that an event starts for a tenant: the same event gives the same name, so that
// it starts nothing twice. At 16 digits of the hash it has at most the 80 characters that Step Functions takes.
func executionName(tenantID string, event ...string) string {
	return tenantID + "-" + launch.Digest(strings.Join(event, "\n"), 8)
}
