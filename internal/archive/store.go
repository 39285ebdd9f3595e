package archive

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/signing"
)

// Config is where the backups lie and which keys guard them. The two keys are apart on purpose: who can read backups
// cannot forge one, and the other way round.
type Config struct {
	Bucket string `env:"BACKUP_BUCKET,required"`
	// BackupKey is the ARN of the symmetric KMS key that wraps every file's data key.
	BackupKey string `env:"BACKUP_KEY_ARN,required"`
	// ManifestKey is the ARN of the asymmetric KMS key that signs manifests.
	ManifestKey string `env:"MANIFEST_KEY_ARN,required"`
}

// Object is one sealed object of a backup, exactly: this version of this key with these bytes.
type Object struct {
	Key       string `json:"key"`
	VersionID string `json:"version_id"`
	// Size counts the bytes of the sealed object.
	Size int64 `json:"size"`
	// SHA256Sealed and SHA256Plain are hex digests of the object as it lies there and of what is inside.
	SHA256Sealed string `json:"sha256_sealed"`
	SHA256Plain  string `json:"sha256_plain"`
	// FileID is the identity that the sealed file's key is bound to.
	FileID string `json:"file_id"`
}

// Store reads and writes the bucket.
type Store struct {
	bucket   string
	s3       *s3.Client
	uploader *transfermanager.Client
	keys     sealed.KMS
	sealing  []sealed.Option
	signer   signing.Signer
	verifier signing.Verifier
	now      func() time.Time
}

const (
	// partSize and concurrency bound an upload's memory to about 24 MiB whatever the snapshot's size; 10,000 parts of
	// 8 MiB allow 80 GB.
	partSize    = 8 << 20
	concurrency = 2
)

// Open prepares the store; it makes no call.
func Open(cfg aws.Config, c Config, now func() time.Time) *Store {
	client, keys := s3.NewFromConfig(cfg), kms.NewFromConfig(cfg)
	return &Store{
		bucket: c.Bucket,
		s3:     client,
		uploader: transfermanager.New(client, func(o *transfermanager.Options) {
			o.PartSizeBytes, o.MultipartUploadThreshold, o.Concurrency = partSize, partSize, concurrency
			o.FailTimeout = 10 * time.Second // an upload that failed for lack of time is still aborted
		}),
		keys:     sealed.KMS{Client: keys, KeyID: c.BackupKey},
		signer:   signing.Signer{KMS: keys, Key: c.ManifestKey},
		verifier: signing.FromKMS(keys, c.ManifestKey),
		now:      now,
	}
}
