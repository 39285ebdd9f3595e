package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/approval"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/restore"
)

// spoiled is how many tenants' credentials a bad import overwrites.
const spoiled = 50

// approved puts bad data into a Vault that is alive, and has it restored to before: by one person, with the approval of
// another.
func (s *show) approved(ctx context.Context) error {
	s.say.Linef("\nA bad import overwrites %d credentials in a Vault that is alive and well", spoiled)
	client, err := s.Root()
	if err != nil {
		return err
	}
	for i := range spoiled {
		if err := platform.Onboard(ctx, client, fmt.Sprintf("tenant-%03d", i+1), platform.NewPassword()); err != nil {
			return err
		}
	}
	input := fmt.Sprintf(`{"backup_date":%q,"reason":"a bad import","requested_by":"mira"}`, s.changed)
	refused, err := s.restoring(ctx, input)
	if err != nil {
		return err
	}
	says, shown, ok := strings.Cut(refused.Cause, " The approver's command, to be completed: ")
	if refused.Error != "FailedClean" || !strings.HasPrefix(says, "ApprovalRequired: ") || !ok {
		return fmt.Errorf("without an approval it ended as %s: %s", refused.Error, refused.Cause)
	}
	s.say.Linef("  %s …)", says)
	command, payload, _ := strings.Cut(shown, "'")
	payload, _, _ = strings.Cut(payload, "'")
	var proposal restore.Proposal
	if err := json.Unmarshal([]byte(payload), &proposal); err != nil {
		return fmt.Errorf("the command that is shown, %s: %w", shown, err)
	}
	proposal.ApprovedBy, proposal.Reason = "ines", "the import was mine"
	typed, err := json.Marshal(proposal)
	if err != nil {
		return err
	}
	s.say.Linef("  another person: %s'%s' /dev/stdout", command, typed)
	var given approval.Approval
	if err := s.Invoke(ctx, "approve-restore", proposal, &given); err != nil {
		return err
	}
	result, err := s.restoring(ctx, input)
	if err != nil {
		return err
	}
	if err := s.succeeded(ctx, result); err != nil {
		return err
	}
	if err := s.allRight(ctx); err != nil {
		return err
	}
	var out struct {
		Safety struct {
			BackupDate string `json:"backup_date"`
		} `json:"safety"`
	}
	if err := json.Unmarshal([]byte(result.Output), &out); err != nil {
		return fmt.Errorf("the output of vault-restore: %w", err)
	}
	s.report.add("vault-restore-approved", "hand, and a second person", result.Stopped.Sub(result.Started), recoveryTime,
		fmt.Sprintf("recovery time: from the start to every secret proved; %d of %d passwords right; the way back is the backup %s",
			len(s.passwords), len(s.passwords), out.Safety.BackupDate))
	// The rule's reconciliation needs Vault, which the next act loses.
	wctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	found, err := s.desk.WaitForInput(wctx, s.Outputs["ReconcileAfterRestoreArn"], result.ARN)
	if err != nil {
		return err
	}
	if err := s.succeeded(ctx, found); err != nil {
		return err
	}
	return s.readMail(ctx)
}
