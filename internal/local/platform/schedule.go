package platform

import (
	"context"
	"fmt"
	"time"
)

// lead is how far ahead a schedule is set: longer than a deployment takes on an idle machine.
const lead = time.Minute

// DeploySoon deploys with a nightly rule that is about to fire, and gives the minute of it. A deployment that takes so long
// that the minute may have passed is followed by another, which has only the rule to change.
func (p *Platform) DeploySoon(ctx context.Context) (due time.Time, err error) {
	for ahead := lead; ; ahead *= 2 {
		due = time.Now().UTC().Add(ahead).Truncate(time.Minute).Add(time.Minute)
		if err := p.Deploy(ctx, p.Built, fmt.Sprintf("cron(%d %d * * ? *)", due.Minute(), due.Hour())); err != nil {
			return time.Time{}, err
		}
		if time.Now().Before(due) {
			return due, nil
		}
		p.say.Linef("  that took longer than until %s, when the nightly rule was to fire: once more, with a later time", due.Format("15:04"))
	}
}
