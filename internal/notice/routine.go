package notice

import (
	"context"
	"fmt"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/audit"
)

// rotationAhead is the type of the one notice to tenants that no execution sends.
const rotationAhead = "credential_rotation_ahead"

// Tenants writes to tenants on behalf of routine rotation.
type Tenants struct {
	SNS   Publisher
	Topic string // ARN
}

// RotationAhead tells a tenant for when its password's next rotation is planned. Told twice, it is in the same words. Faults:
// AWSUnavailable, AWSRefused.
func (n Tenants) RotationAhead(ctx context.Context, tenantID string, due time.Time) error {
	date := due.UTC().Format(time.DateOnly)
	_, err := publish(ctx, n.SNS, Notice{
		Topic: n.Topic, Type: rotationAhead, Severity: audit.Info, TenantID: tenantID,
		Subject: "Your SMTP credentials will be rotated on " + date,
		Message: fmt.Sprintf("Your SMTP credentials will be rotated on %s, from %s UTC on, because they have reached their age. Mail keeps flowing. "+
			"Programs that read the password in Vault find the new one there, and application passwords stay valid. No action required on your part.\n",
			date, due.UTC().Format("15:04")),
	})
	return err
}
