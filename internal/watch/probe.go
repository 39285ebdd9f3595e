package watch

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/mailprobe"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// Patience is how long a port may take to open: long enough for the second repetition of a packet that was lost (after
// three seconds), and short enough for a thousand dead servers within a minute.
const Patience = 5 * time.Second

// atOnce is how many servers are knocked at at the same time, four ports each: Lambda has 1,024 file descriptors.
const atOnce = 200

// ProbeInput is the payload of ProbePlatform: nothing, {}.
type ProbeInput struct{}

// Platform is what ProbePlatform saw.
type Platform struct {
	Tenants     int  `json:"tenants"`
	Down        int  `json:"down"`
	VaultUsable bool `json:"vault_usable"`
}

// Tenants lists the registry; with an error may come the tenants that could be read (see tenant.List).
type Tenants interface {
	Tenants(context.Context) ([]tenant.Tenant, error)
}

// Servers knocks at the ports of one mail server.
type Servers interface {
	Knock(context.Context, mailprobe.Target) mailprobe.Probed
}

// Vault finds the node that leads, without a login.
type Vault interface {
	Leader(context.Context) (*vault.Node, vault.Health, error)
}

// Prober is the function ProbePlatform.
type Prober struct {
	Tenants Tenants
	Servers Servers
	Vault   Vault
	Metrics Metrics
	Now     func() time.Time
}

// Probe looks at every server and at Vault, and puts what it saw. The heartbeat comes last, and only if every tenant was
// looked at: a record that cannot be read hides none of the others, and it is a fault of the round.
//
// Faults: AWSUnavailable, AWSRefused; Unexpected for a record that cannot be read, and for a round that takes too long.
func (p Prober) Probe(ctx context.Context, _ ProbeInput) (Platform, error) {
	started := p.Now()
	tenants, unread := p.Tenants.Tenants(ctx)
	if unread != nil && !fault.Is(unread, fault.Unexpected) {
		return Platform{}, unread
	}
	seen := Platform{Tenants: len(tenants)}
	well := make([]bool, len(tenants))
	var looks errgroup.Group
	looks.Go(func() error {
		_, _, err := p.Vault.Leader(ctx)
		if seen.VaultUsable = err == nil; err != nil {
			slog.WarnContext(ctx, "Vault is not usable", "error", err.Error())
		}
		return nil
	})
	looks.Go(func() error { p.knock(ctx, tenants, well); return nil })
	_ = looks.Wait()                  // neither fails: what does not answer is an answer
	if err := ctx.Err(); err != nil { // the last knocks were cut off and say nothing
		return Platform{}, fault.Unexpected.Errorf("%d tenants were not looked at in time: %w", len(tenants), err)
	}
	data := []types.MetricDatum{datum(VaultUsable, flag(seen.VaultUsable), started)}
	for i, t := range tenants {
		if !well[i] {
			seen.Down++
		}
		data = append(data, datum(ServerDown, flag(!well[i]), started, ofTenant(t.ID)))
	}
	if err := put(ctx, p.Metrics, data...); err != nil {
		return Platform{}, err
	}
	if unread != nil {
		return Platform{}, unread
	}
	return seen, put(ctx, p.Metrics, datum(ProbeHeartbeat, 1, started))
}

// knock fills in who is well.
func (p Prober) knock(ctx context.Context, tenants []tenant.Tenant, well []bool) {
	var knocks errgroup.Group
	knocks.SetLimit(atOnce)
	for i, t := range tenants {
		knocks.Go(func() error {
			found := p.Servers.Knock(ctx, mailprobe.Target{Hostname: t.Hostname, Address: t.VPS.IP.String()})
			if well[i] = found.Well; !found.Well {
				slog.WarnContext(ctx, "server down", "tenant_id", t.ID, "ports", closed(found.Ports))
			}
			return nil
		})
	}
	_ = knocks.Wait()
}

// closed says which ports did not open, and why.
func closed(ports []mailprobe.Port) string {
	var words []string
	for _, port := range ports {
		if !port.Open {
			words = append(words, fmt.Sprintf("%d %s", port.Port, port.Why))
		}
	}
	return strings.Join(words, ", ")
}
