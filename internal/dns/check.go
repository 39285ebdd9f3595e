package dns

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// CheckInput asks whether the world sees a change.
type CheckInput struct {
	Update Update `json:"update"`
	// Checks counts the checks before this one.
	Checks    int            `json:"checks"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses a change that Route 53 never accepted.
func (in CheckInput) Validate() error {
	switch {
	case in.Update.HostedZoneID == "":
		return errors.New("update.hosted_zone_id is missing")
	case in.Update.ChangeID == "":
		return errors.New("update.change_id is missing")
	case in.Update.Lease == "":
		return errors.New("update.lease is missing")
	}
	if _, err := hostname(in.Update.Hostname); err != nil {
		return err
	}
	return in.Execution.Validate()
}

// State is how far a change has come.
type State string

const (
	// Pending: Route 53 has not yet told all of its name servers.
	Pending State = "pending"
	// InSyncNotVisible: Route 53 says it has, and asking them says otherwise.
	InSyncNotVisible State = "insync-not-visible"
	// Visible: a name server answers with the change, and none without it.
	Visible State = "visible"
)

// Sight is what CheckDns found.
type Sight struct {
	State State `json:"state"`
	// Checks counts the checks up to this one.
	Checks  int            `json:"checks"`
	Servers []ServerAnswer `json:"servers"` // empty while pending
}

// ServerAnswer is what one name server says.
type ServerAnswer struct {
	Server string `json:"server"` // host:port
	Answer Answer `json:"answer"`
}

// Changes is what following a change asks of Route 53.
type Changes interface {
	GetChange(context.Context, *route53.GetChangeInput, ...func(*route53.Options)) (*route53.GetChangeOutput, error)
	GetHostedZone(context.Context, *route53.GetHostedZoneInput, ...func(*route53.Options)) (*route53.GetHostedZoneOutput, error)
}

// Config says whom to ask.
type Config struct {
	// Resolver is the host:port of a server that is asked in the place of the zone's own name servers.
	Resolver string `env:"DNS_RESOLVER"`
}

// Checker is the step CheckDns.
type Checker struct {
	changes  Changes
	resolver string
	port     string // of the zone's own name servers
}

// NewChecker refuses an unusable configuration: InvalidConfiguration.
func NewChecker(changes Changes, c Config) (Checker, error) {
	if c.Resolver != "" {
		if host, port, err := net.SplitHostPort(c.Resolver); err != nil || host == "" || port == "" {
			return Checker{}, fault.InvalidConfiguration.Tellf("DNS_RESOLVER is not of the form host:port")
		}
	}
	return Checker{changes, c.Resolver, "53"}, nil
}

// Check asks Route 53, and then every name server of the zone at once. It touches nothing. A server that does not answer
// says nothing about the change: one that does must have it, and none may lack it.
func (c Checker) Check(ctx context.Context, in CheckInput) (Sight, error) {
	seen := Sight{State: Pending, Checks: in.Checks + 1, Servers: []ServerAnswer{}}
	change, err := c.changes.GetChange(ctx, &route53.GetChangeInput{Id: aws.String(in.Update.ChangeID)})
	if err != nil {
		return Sight{}, awsfault.From(err, "get change %s", in.Update.ChangeID)
	}
	if change.ChangeInfo.Status != types.ChangeStatusInsync {
		return seen, nil
	}
	servers, err := c.servers(ctx, in.Update.HostedZoneID)
	if err != nil {
		return Sight{}, err
	}
	seen.Servers = make([]ServerAnswer, len(servers))
	questions := in.Update.questions()
	var asking sync.WaitGroup
	for i, server := range servers {
		asking.Go(func() { seen.Servers[i] = ServerAnswer{server, ask(ctx, server, questions)} })
	}
	asking.Wait()
	count := map[Answer]int{}
	for _, s := range seen.Servers {
		count[s.Answer]++
	}
	seen.State = InSyncNotVisible
	if count[Changed] > 0 && count[Unchanged] == 0 {
		seen.State = Visible
	}
	return seen, nil
}

func (c Checker) servers(ctx context.Context, zoneID string) ([]string, error) {
	if c.resolver != "" {
		return []string{c.resolver}, nil
	}
	zone, err := c.changes.GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: aws.String(zoneID)})
	if err != nil {
		return nil, zoneFault(err, zoneID, "get hosted zone "+zoneID)
	}
	if zone.DelegationSet == nil || len(zone.DelegationSet.NameServers) == 0 {
		return nil, fault.DNSRefused.Tellf("hosted zone %s is private: it has no name servers that the world could ask", zoneID)
	}
	var servers []string
	for _, name := range zone.DelegationSet.NameServers {
		servers = append(servers, net.JoinHostPort(name, c.port))
	}
	return servers, nil
}
