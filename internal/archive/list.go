package archive

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// version is one version of one object of a backup.
type version struct {
	slot     Slot
	name     string
	key, id  string
	modified time.Time
}

// Survey is what lies below a prefix, sorted out.
type Survey struct {
	// Backups are the slots with a manifest that holds, newest first.
	Backups []Signed
	// Forged are the slots that have files under the manifest's name and none that holds, with the fault of the first:
	// BackupForged, or what S3 said where it would not hand the file out.
	Forged map[Slot]error
	// Tampered are the slots whose manifest somebody else has touched, by time: there is a file under its name that does
	// not hold, a second one, or a delete marker over it. Readers pass all of that over; people must hear of it.
	Tampered []Slot
	// TamperedAt is when that was last done, by S3's clock.
	TamperedAt time.Time
	// Foreign counts versions of keys that are no part of any backup: nobody here touches them.
	Foreign  int
	versions []version
	// hidden are the slots with a delete marker on their manifest's name.
	hidden tampering
}

// Survey lists a tier.
func (s *Store) Survey(ctx context.Context, tier Tier) (Survey, error) {
	return s.survey(ctx, tier.Prefix())
}

// Manifest returns the manifest that makes the slot a backup; found is false where none was ever written. Where there
// are files under that name and none of them holds, the fault is that of Survey.Forged.
func (s *Store) Manifest(ctx context.Context, slot Slot) (signed Signed, found bool, err error) {
	there, err := s.survey(ctx, slot.Key(ManifestName))
	switch {
	case err != nil:
		return Signed{}, false, err
	case len(there.Backups) > 0:
		return there.Backups[0], true, nil
	default:
		return Signed{}, false, there.Forged[slot]
	}
}

// survey reads every version below a prefix and proves the manifests among them. A slot's manifest is the first one
// written that holds: a later version is an intruder's, or was written without knowing of the first. Delete markers are
// passed over: they hide nothing from a reader that asks for versions. A file that S3 does not hand out holds as little as
// a forged one, for one object encrypted under somebody else's key must not hide every backup; only where no manifest
// holds it may be this program that lacks a permission, and is the survey's own fault.
func (s *Store) survey(ctx context.Context, prefix string) (Survey, error) {
	there := Survey{Forged: map[Slot]error{}, hidden: tampering{}}
	if err := s.list(ctx, prefix, &there); err != nil {
		return Survey{}, err
	}
	// S3 lists the versions of a key newest first, and counts their times in whole seconds.
	slices.Reverse(there.versions)
	slices.SortStableFunc(there.versions, func(a, b version) int { return a.modified.Compare(b.modified) })
	proved, tampered := map[Slot]bool{}, tampering{}
	var refused error
	for _, v := range there.versions {
		if v.name != ManifestName {
			continue
		}
		if at, hidden := there.hidden[v.slot]; hidden {
			tampered.note(v.slot, at)
		}
		if proved[v.slot] {
			tampered.note(v.slot, v.modified)
			continue
		}
		m, err := s.load(ctx, v)
		if err == nil {
			proved[v.slot] = true
			delete(there.Forged, v.slot)
			there.Backups = append(there.Backups, m)
			continue
		}
		switch fault.Of(err).Name {
		case fault.AWSRefused, fault.BackupCorrupt:
			refused = err
		case fault.BackupForged:
		default:
			return Survey{}, err
		}
		slog.WarnContext(ctx, "a manifest does not hold", "key", v.key, "version", v.id, "error", err.Error())
		tampered.note(v.slot, v.modified)
		if there.Forged[v.slot] == nil {
			there.Forged[v.slot] = err
		}
	}
	if len(there.Backups) == 0 && refused != nil {
		return Survey{}, refused
	}
	slices.SortFunc(there.Backups, func(a, b Signed) int { return b.Slot.Time.Compare(a.Slot.Time) })
	there.Tampered, there.TamperedAt = tampered.slots(), tampered.last()
	return there, nil
}

func (s *Store) list(ctx context.Context, prefix string, into *Survey) error {
	pages := s3.NewListObjectVersionsPaginator(s.s3, &s3.ListObjectVersionsInput{
		Bucket: aws.String(s.bucket), Prefix: aws.String(prefix),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return awsfault.From(err, "list %s", prefix)
		}
		for _, v := range page.Versions {
			slot, name, ok := parseKey(aws.ToString(v.Key))
			if !ok {
				into.Foreign++
				continue
			}
			into.versions = append(into.versions, version{
				slot: slot, name: name, key: aws.ToString(v.Key), id: aws.ToString(v.VersionId),
				modified: aws.ToTime(v.LastModified),
			})
		}
		for _, m := range page.DeleteMarkers {
			if slot, name, ok := parseKey(aws.ToString(m.Key)); ok && name == ManifestName {
				into.hidden.note(slot, aws.ToTime(m.LastModified))
			}
		}
	}
	return nil
}
