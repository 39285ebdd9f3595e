package contract

import (
	"slices"
	"testing"
)

// What holds the backups, the trail or the means to read them survives the stack.
func TestWhatMustSurviveIsRetained(t *testing.T) {
	tm := readTemplate(t)
	lasting := []string{"AWS::KMS::Key", "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"}
	count := map[string]int{}
	for id, r := range tm.Resources {
		if !slices.Contains(lasting, r.Type) {
			continue
		}
		count[r.Type]++
		if r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
			t.Errorf("%s goes with the stack or with a replacement: %q, %q", id, r.DeletionPolicy, r.UpdateReplacePolicy)
		}
	}
	if keys := count["AWS::KMS::Key"]; keys != 3 {
		t.Errorf("%d keys: one wraps backups, one signs, one is for topics, tables and shares", keys)
	}
	for _, kind := range lasting {
		if count[kind] == 0 {
			t.Errorf("template.yaml has no %s", kind)
		}
	}
}

func TestTablesCanBeBroughtBack(t *testing.T) {
	type table struct {
		PointInTimeRecoverySpecification struct{ PointInTimeRecoveryEnabled bool }
		DeletionProtectionEnabled        bool
		SSESpecification                 struct {
			SSEEnabled              bool
			SSEType, KMSMasterKeyId string
		}
	}
	for id, got := range ofType[table](t, readTemplate(t), "AWS::DynamoDB::Table") {
		if !got.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled || !got.DeletionProtectionEnabled {
			t.Errorf("%s has no point-in-time recovery or no deletion protection", id)
		}
		if s := got.SSESpecification; !s.SSEEnabled || s.SSEType != "KMS" || s.KMSMasterKeyId != "${PlatformKey.Arn}" {
			t.Errorf("%s is encrypted with %+v", id, s)
		}
	}
}

func TestTheBucketKeepsWhatIsInIt(t *testing.T) {
	type bucket struct {
		ObjectLockEnabled       bool
		ObjectLockConfiguration struct {
			ObjectLockEnabled string
			Rule              struct {
				DefaultRetention struct {
					Mode string
					Days int
				}
			}
		}
		VersioningConfiguration        struct{ Status string }
		PublicAccessBlockConfiguration map[string]bool
		OwnershipControls              struct {
			Rules []struct{ ObjectOwnership string }
		}
		LifecycleConfiguration struct{ Rules []map[string]any }
	}
	b := properties[bucket](t, readTemplate(t), "Backups")
	lock := b.ObjectLockConfiguration
	if !b.ObjectLockEnabled || lock.ObjectLockEnabled != "Enabled" || lock.Rule.DefaultRetention.Mode != "COMPLIANCE" || lock.Rule.DefaultRetention.Days < 14 {
		t.Errorf("a new object is not locked for two weeks: %t %+v", b.ObjectLockEnabled, lock)
	}
	if b.VersioningConfiguration.Status != "Enabled" {
		t.Error("no versions are kept")
	}
	for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
		if !b.PublicAccessBlockConfiguration[block] {
			t.Errorf("%s is off", block)
		}
	}
	if len(b.OwnershipControls.Rules) != 1 || b.OwnershipControls.Rules[0].ObjectOwnership != "BucketOwnerEnforced" {
		t.Error("access control lists count")
	}
	// PruneBackups deletes backups, and knows which is the newest verified one; a lifecycle rule does not.
	for _, rule := range b.LifecycleConfiguration.Rules {
		for key := range rule {
			if !slices.Contains([]string{"Id", "Status", "AbortIncompleteMultipartUpload"}, key) {
				t.Errorf("a lifecycle rule knows %s", key)
			}
		}
	}
	if len(b.LifecycleConfiguration.Rules) != 1 || b.LifecycleConfiguration.Rules[0]["AbortIncompleteMultipartUpload"] == nil ||
		b.LifecycleConfiguration.Rules[0]["Status"] != "Enabled" {
		t.Error("abandoned uploads stay, unseen and paid for")
	}
}

func TestTheBucketSpeaksTLSOnly(t *testing.T) {
	for _, g := range grants(t, readTemplate(t)) {
		if g.Owner == "BackupsPolicy" && g.Effect == "Deny" && slices.Equal(g.Principal["*"], list{"*"}) &&
			slices.Equal(g.Action, list{"s3:*"}) && slices.Equal(g.Resource, list{"${Backups.Arn}", "${Backups.Arn}/*"}) &&
			len(g.Condition) == 1 && len(g.Condition["Bool"]) == 1 && g.Condition["Bool"]["aws:SecureTransport"] == false {
			return
		}
	}
	t.Error("no statement refuses requests without TLS")
}

// An object under another key than the bucket's own could be listed and not read: one of them, under a manifest's name, would
// stand before the backups.
func TestTheBucketTakesNothingThatItCannotHandOut(t *testing.T) {
	const chosen, customers = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-customer-algorithm"
	refused := map[string]bool{}
	for _, g := range grants(t, readTemplate(t)) {
		if g.Owner != "BackupsPolicy" || g.Effect != "Deny" || !slices.Equal(g.Principal["*"], list{"*"}) ||
			!slices.Equal(g.Action, list{"s3:PutObject"}) || !slices.Equal(g.Resource, list{"${Backups.Arn}/*"}) {
			continue
		}
		// A header that is not there counts as unequal: each statement asks for it first.
		is, isNot := g.Condition["Null"], g.Condition["StringNotEquals"]
		switch {
		case len(g.Condition) == 2 && len(is) == 1 && is[chosen] == false && len(isNot) == 1 && isNot[chosen] == "AES256":
			refused[chosen] = true
		case len(g.Condition) == 1 && len(is) == 1 && is[customers] == false:
			refused[customers] = true
		}
	}
	if !refused[chosen] || !refused[customers] {
		t.Errorf("refused are %v", refused)
	}
}
