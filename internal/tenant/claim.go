package tenant

import (
	"context"
	"slices"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// incidentsKey is the key of a tenant's incidents among the tenants.
func incidentsKey(tenantID string) string { return "#incidents/" + tenantID }

// incidents is the item with a tenant's claims, the oldest first. Each write replaces exactly the version that it was made
// from.
type incidents struct {
	Version int64   `json:"version"` // 0 while there is no item
	Claims  []claim `json:"claims"`
}

// claim says which execution answers an incident.
type claim struct {
	IncidentID string    `json:"incident_id"`
	Execution  string    `json:"execution"` // ARN
	At         time.Time `json:"at"`        // when that execution claimed it
	// Joined: the execution answered another incident already.
	Joined bool `json:"joined"`
	// Reporter is the ARN of the execution that joined it: that one records the incident and tells of it.
	Reporter  string `json:"reporter"`
	TakenOver bool   `json:"taken_over"`
	// Details are redacted. Those of the first start stay: a run that takes over may find the leaked password gone, and
	// could not tell it from other words.
	Details string `json:"details"`
}

const (
	// kept is how long a claim is kept: Step Functions knows an execution for as long.
	kept = 90 * 24 * time.Hour
	// mostClaims keeps the item well below DynamoDB's 400 KB.
	mostClaims = 150
	// joinable is how long after a rotation began a detector's report joins it.
	joinable = 10 * time.Minute
)

// attempt claims the incident as the claims were read, or does not. It completes out.
func (c Claimant) attempt(ctx context.Context, i Incident, execution string, out Claimed) (_ Claimed, settled bool, err error) {
	old, err := c.read(ctx, i.TenantID)
	if err != nil {
		return out, false, err
	}
	now := c.Now().UTC().Truncate(time.Second)
	mine := claim{IncidentID: i.IncidentID, Execution: execution, At: now, Details: i.CompromiseDetails}
	at := slices.IndexFunc(old.Claims, func(one claim) bool { return one.IncidentID == i.IncidentID })
	switch {
	case at >= 0 && old.Claims[at].Execution == execution:
		return out.answered(old.Claims[at]), true, nil
	case at >= 0:
		former := old.Claims[at]
		first, err := c.Responses.Response(ctx, former.Execution)
		if err != nil {
			return out, false, err
		}
		if first.stands() && former.Joined {
			return c.rejoin(ctx, i.TenantID, old, former, mine, out.left(former, first))
		}
		if first.stands() {
			return out.left(former, first), true, nil
		}
		mine.TakenOver, mine.Details = true, former.Details
	case i.Detected:
		first, joins, err := c.joins(ctx, old, now)
		if err != nil {
			return out, false, err
		}
		if joins {
			mine.Execution, mine.Joined, mine.Reporter = first.Execution, true, execution
			settled, err = c.replace(ctx, i.TenantID, old, mine, now)
			return out.left(mine, first).joined(), settled, err
		}
	}
	settled, err = c.replace(ctx, i.TenantID, old, mine, now)
	return out.answered(mine), settled, err
}

// rejoin is the same incident once more. One execution records that it joined a rotation: another does so only where that one
// has ended without success.
func (c Claimant) rejoin(ctx context.Context, tenantID string, old incidents, former, mine claim, left Claimed) (_ Claimed, settled bool, err error) {
	if former.Reporter == mine.Execution {
		return left.joined(), true, nil
	}
	reporter, err := c.Responses.Response(ctx, former.Reporter)
	if err != nil || reporter.stands() {
		return left, err == nil, err
	}
	now := mine.At
	mine, mine.Reporter = former, mine.Execution
	settled, err = c.replace(ctx, tenantID, old, mine, now)
	return left.joined(), settled, err
}

// joined is an incident that a rotation of another one answers, which this execution records.
func (out Claimed) joined() Claimed {
	out.Joined = true
	return out
}

// answered is an incident that this execution answers.
func (out Claimed) answered(mine claim) Claimed {
	out.Respond, out.TakenOver, out.Details = true, mine.TakenOver, mine.Details
	return out
}

// left is an incident that another execution answers, or has answered.
func (out Claimed) left(to claim, first Response) Claimed {
	out.Details, out.First = to.Details, first
	return out
}

// joins finds a rotation that began a moment ago, and runs or has succeeded.
func (c Claimant) joins(ctx context.Context, known incidents, now time.Time) (Response, bool, error) {
	for _, one := range slices.Backward(known.Claims) {
		if one.Joined || now.Sub(one.At) >= joinable {
			continue
		}
		first, err := c.Responses.Response(ctx, one.Execution)
		if err != nil {
			return Response{}, false, err
		}
		if first.stands() {
			return first, true, nil
		}
	}
	return Response{}, false, nil
}

func (c Claimant) read(ctx context.Context, tenantID string) (incidents, error) {
	stored, err := read(ctx, c.Registry.Database, c.Registry.Table, incidentsKey(tenantID))
	if err != nil || stored == nil {
		return incidents{}, err
	}
	var known incidents
	if err := decode(stored, &known); err != nil {
		return incidents{}, fault.Unexpected.Errorf("the incidents of %s cannot be read: %w", tenantID, err)
	}
	return known, nil
}

// replace stores a claim in the place of an earlier one on the same incident, and forgets what is old.
func (c Claimant) replace(ctx context.Context, tenantID string, old incidents, mine claim, now time.Time) (ok bool, err error) {
	next := slices.DeleteFunc(slices.Clone(old.Claims), func(one claim) bool {
		return one.IncidentID == mine.IncidentID || now.Sub(one.At) > kept
	})
	next = append(next, mine)
	next = next[max(0, len(next)-mostClaims):]
	change := change{
		set:    "SET #claims = :claims, #version = :next",
		when:   "attribute_not_exists(#version)",
		values: values{"claims": next, "next": old.Version + 1},
	}
	if old.Version > 0 {
		change.when, change.values["version"] = "#version = :version", old.Version
	}
	_, ok, err = write(ctx, c.Registry.Database, c.Registry.Table, incidentsKey(tenantID), change)
	return ok, err
}
