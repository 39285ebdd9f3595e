package archive

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
)

// lockMargin is added to a lock's end before anything is deleted: this clock and S3's may differ.
const lockMargin = time.Hour

// alarmed is for how long tampering is an alarm. The bucket's default lock keeps what an intruder writes for weeks: an alarm
// that cannot be ended would be an alarm that nobody hears.
const alarmed = 3 * day

// Pruned counts what Prune did to one tier.
type Pruned struct {
	// Kept counts verified backups that stay, Deleted those that went.
	Kept    int `json:"kept"`
	Deleted int `json:"deleted"`
	// Versions counts the object versions that were deleted, also those of uploads that were never verified.
	Versions int `json:"versions"`
	// Foreign counts keys below the tier's prefix that belong to no backup; they are left alone.
	Foreign int `json:"foreign"`
	// Tampered are the slots whose manifest somebody else has touched (Survey), and Lately says that this was no longer ago
	// than the alarm for it lasts.
	Tampered []Slot `json:"-"`
	Lately   bool   `json:"-"`
}

// Prune deletes what the tier no longer has to keep. It deletes the manifest of a backup first: a crash midway leaves
// files without a manifest, which are no backup, and never a manifest without its files.
func (s *Store) Prune(ctx context.Context, tier Tier) (Pruned, error) {
	there, err := s.Survey(ctx, tier)
	if err != nil {
		return Pruned{}, err
	}
	kept, gone := there.expired(tier, s.now())
	done := Pruned{Kept: kept, Deleted: len(there.Backups) - kept, Foreign: there.Foreign, Tampered: there.Tampered}
	done.Lately = len(there.Tampered) > 0 && s.now().Before(there.TamperedAt.Add(alarmed))
	for _, v := range gone {
		_, err := s.s3.DeleteObject(ctx, &s3.DeleteObjectInput{
			Bucket: aws.String(s.bucket), Key: aws.String(v.key), VersionId: aws.String(v.id),
		})
		if err != nil {
			return done, awsfault.From(err, "delete %s", v.key)
		}
		done.Versions++
	}
	return done, nil
}

// expired decides what may go, manifests first. A version goes when its lock is over and no backup that stays needs it.
// Backups stay by rank, not by age: a wrong clock deletes nothing that counts. The newest verified backup always stays;
// where there is none at all, everything does, and so do slots with a manifest that does not hold: they are evidence.
func (there Survey) expired(tier Tier, now time.Time) (kept int, gone []version) {
	if len(there.Backups) == 0 {
		return 0, nil
	}
	type pin struct{ key, id string }
	needed := map[pin]bool{}
	for rank, b := range there.Backups { // newest first
		byRank := rank < max(tier.Keep(), 1)
		locked := !unlocked(tier, b.Modified, now)
		if !byRank && !locked {
			continue
		}
		kept++
		needed[pin{b.Key, b.VersionID}] = true
		needed[pin{b.Snapshot.Key, b.Snapshot.VersionID}] = true
		needed[pin{b.Inventory.Key, b.Inventory.VersionID}] = true
	}
	for _, v := range there.versions {
		if !needed[pin{v.key, v.id}] && there.Forged[v.slot] == nil && unlocked(tier, v.modified, now) {
			gone = append(gone, v)
		}
	}
	slices.SortStableFunc(gone, func(a, b version) int {
		switch {
		case a.name == ManifestName && b.name != ManifestName:
			return -1
		case a.name != ManifestName && b.name == ManifestName:
			return 1
		}
		return 0
	})
	return kept, gone
}

// unlocked reports whether Object Lock has let go of a version written at that time.
func unlocked(tier Tier, written, now time.Time) bool {
	return now.After(written.Add(tier.Lock() + lockMargin))
}
