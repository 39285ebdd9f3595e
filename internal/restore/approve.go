package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/approval"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// Proposal is the payload of ApproveRestore: which backup may be restored over the live Vault, for whom, and who says so.
type Proposal struct {
	// BackupDate is a date or a slot, as vault-restore takes it. Not "latest": an approval is for one backup.
	BackupDate string `json:"backup_date"`
	// ClusterID, if given, is the Vault that is meant.
	ClusterID   string `json:"cluster_id"`
	RequestedBy string `json:"requested_by"`
	ApprovedBy  string `json:"approved_by"`
	Reason      string `json:"reason"`
}

// Giver stores an approval; approval.Table is one.
type Giver interface {
	Give(context.Context, approval.Approval) error
}

// Approver is the function ApproveRestore.
type Approver struct {
	Selector Selector
	Cluster  *vault.Cluster
	Giver    Giver
	Herald   Herald
	Now      func() time.Time
}

// Approve records that the backup may be restored over the live Vault, once, within the hour. It is in the audit trail before
// it holds; a proposal that is refused is in the trail too. The two persons are claims, and must differ; who may call this
// function at all is for IAM to say.
//
// Faults: InvalidInput; those of selecting the backup; those of a Vault that is not alive; AWSUnavailable, AWSRefused.
func (a Approver) Approve(ctx context.Context, p Proposal) (approval.Approval, error) {
	call := task.Invocation(ctx, a.Now())
	given, err := a.weigh(ctx, p)
	if err != nil {
		a.Herald.denied(ctx, call, p, err)
		return approval.Approval{}, err
	}
	if err := a.Herald.record(ctx, call, restoreApproved, p.RequestedBy, given); err != nil {
		return approval.Approval{}, err
	}
	if err := a.Giver.Give(ctx, given); err != nil {
		return approval.Approval{}, err
	}
	if err := a.Herald.tell(ctx, call, restoreApproved, given); err != nil {
		slog.WarnContext(ctx, "the approval holds, and not everybody was told", "error", err.Error())
	}
	return given, nil
}

// weigh makes the approval of a proposal that has none of the faults.
func (a Approver) weigh(ctx context.Context, p Proposal) (approval.Approval, error) {
	want, err := Request{BackupDate: p.BackupDate}.slot()
	if err = cmp.Or(p.check(), err); err != nil {
		return approval.Approval{}, fault.InvalidInput.Tellf("%w", err)
	}
	found, _, err := a.Selector.signed(ctx, p.BackupDate, want)
	if err != nil {
		return approval.Approval{}, err
	}
	_, health, err := a.Cluster.Leader(ctx)
	if err != nil {
		return approval.Approval{}, err
	}
	if p.ClusterID != "" && p.ClusterID != health.ClusterID {
		return approval.Approval{}, fault.InvalidInput.Tellf("Vault is cluster %s, not the one that is meant", health.ClusterID)
	}
	return approval.New(approval.Approval{
		ClusterID: health.ClusterID, ManifestSHA256: found.SHA256, BackupDate: found.Slot.BackupDate(),
		RequestedBy: p.RequestedBy, ApprovedBy: p.ApprovedBy, Reason: p.Reason,
	}, a.Now()), nil
}

func (p Proposal) check() error {
	switch {
	case p.BackupDate == latest:
		return errors.New(`backup_date cannot be "latest": name the backup that you have in mind`)
	case !requester.MatchString(p.RequestedBy):
		return fmt.Errorf("requested_by must say who asks for the restore: %s", requesterForm)
	case !requester.MatchString(p.ApprovedBy):
		return fmt.Errorf("approved_by must say who you are: %s", requesterForm)
	case approval.Same(p.RequestedBy, p.ApprovedBy):
		return errors.New("whoever asks cannot approve: it takes a second person")
	case p.Reason == "" || len(p.Reason) > maxText:
		return fmt.Errorf("reason must say why, in at most %d bytes", maxText)
	}
	return nil
}
