//go:build platform

package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
)

// deploy makes a stack of one resource and returns its physical name.
func (a *account) deploy(ctx context.Context, resource string) (name string, err error) {
	client := cloudformation.NewFromConfig(a.config)
	stack := aws.String("stack-" + uuid.NewString())
	if _, err := client.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: stack,
		TemplateBody: aws.String(`{"Resources":{"It":` + resource + `}}`)}); err != nil {
		return "", err
	}
	created := cloudformation.NewStackCreateCompleteWaiter(client, func(o *cloudformation.StackCreateCompleteWaiterOptions) { o.MinDelay = 50 * time.Millisecond })
	if err := created.Wait(ctx, &cloudformation.DescribeStacksInput{StackName: stack}, time.Minute); err != nil {
		return "", err
	}
	described, err := client.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{StackName: stack, LogicalResourceId: aws.String("It")})
	if err != nil {
		return "", err
	}
	return *described.StackResourceDetail.PhysicalResourceId, nil
}

func (a *account) s3() *s3.Client {
	return s3.NewFromConfig(a.config, func(o *s3.Options) { o.UsePathStyle = true })
}

func TestBucketConfig(t *testing.T) {
	const bucket = `{"Type":"AWS::S3::Bucket","Properties":{
		"VersioningConfiguration":{"Status":"Enabled"},
		"ObjectLockEnabled":true,
		"ObjectLockConfiguration":{"ObjectLockEnabled":"Enabled","Rule":{"DefaultRetention":{"Mode":"COMPLIANCE","Days":35}}},
		"BucketEncryption":{"ServerSideEncryptionConfiguration":[{"BucketKeyEnabled":true,
			"ServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"alias/backup"}}]},
		"LifecycleConfiguration":{"Rules":[{"Id":"Old","Status":"Enabled","Prefix":"backups/",
			"ExpirationInDays":400,"NoncurrentVersionExpiration":{"NoncurrentDays":90},
			"Transitions":[{"TransitionInDays":30,"StorageClass":"GLACIER"}],
			"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":2}}]}}}`
	ignore := cmpopts.IgnoreUnexported(types.ObjectLockRule{}, types.DefaultRetention{}, types.LifecycleRule{}, types.LifecycleRuleFilter{},
		types.LifecycleExpiration{}, types.NoncurrentVersionExpiration{}, types.Transition{}, types.AbortIncompleteMultipartUpload{},
		types.ServerSideEncryptionRule{}, types.ServerSideEncryptionByDefault{})
	restores(t, func(ctx context.Context, a *account) (string, error) {
		name, err := a.deploy(ctx, bucket)
		if err != nil {
			return "", err
		}
		lock, err := a.s3().GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &name})
		if missing(err, "ObjectLockConfigurationNotFoundError") {
			return "the bucket has no lock", nil
		} else if err != nil {
			return "", err
		}
		if d := cmp.Diff(&types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{
			Mode: types.ObjectLockRetentionModeCompliance, Days: aws.Int32(35)}}, lock.ObjectLockConfiguration.Rule, ignore); d != "" {
			return "lock: " + d, nil
		}
		lifecycle, err := a.s3().GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &name})
		if missing(err, "NoSuchLifecycleConfiguration") {
			return "the bucket has no lifecycle", nil
		} else if err != nil {
			return "", err
		}
		if d := cmp.Diff([]types.LifecycleRule{{
			ID: aws.String("Old"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("backups/")},
			Expiration:                     &types.LifecycleExpiration{Days: aws.Int32(400)},
			NoncurrentVersionExpiration:    &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(90)},
			Transitions:                    []types.Transition{{Days: aws.Int32(30), StorageClass: types.TransitionStorageClassGlacier}},
			AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(2)},
		}}, lifecycle.Rules, ignore); d != "" {
			return "lifecycle: " + d, nil
		}
		encryption, err := a.s3().GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &name})
		if missing(err, "ServerSideEncryptionConfigurationNotFoundError") {
			return "the bucket has no encryption", nil
		} else if err != nil {
			return "", err
		}
		if d := cmp.Diff([]types.ServerSideEncryptionRule{{
			BucketKeyEnabled: aws.Bool(true),
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
				SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String("alias/backup")},
		}}, encryption.ServerSideEncryptionConfiguration.Rules, ignore); d != "" {
			return "encryption: " + d, nil
		}
		put, err := a.s3().PutObject(ctx, &s3.PutObjectInput{Bucket: &name, Key: aws.String("backups/1"), Body: strings.NewReader("sealed")})
		if err != nil {
			return "", err
		}
		return a.locked(ctx, name, "backups/1", *put.VersionId)
	})
}

// locked tells whether a version is under COMPLIANCE for some time and cannot be deleted.
func (a *account) locked(ctx context.Context, bucket, key, version string) (difference string, err error) {
	head, err := a.s3().HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key, VersionId: &version})
	if err != nil {
		return "", err
	}
	if head.ObjectLockMode != types.ObjectLockModeCompliance || head.ObjectLockRetainUntilDate.Before(time.Now()) {
		return fmt.Sprintf("%s has lock %q until %v", key, head.ObjectLockMode, head.ObjectLockRetainUntilDate), nil
	}
	if _, err = a.s3().DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key, VersionId: &version}); !missing(err, "AccessDenied") {
		return fmt.Sprintf("deleting the locked %s: %v", key, err), nil
	}
	return "", nil
}

// missing tells whether the API answered with this error code.
func missing(err error, code string) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && answer.ErrorCode() == code
}

func TestMultipartLock(t *testing.T) {
	restores(t, func(ctx context.Context, a *account) (string, error) {
		bucket := aws.String(uuid.NewString())
		if _, err := a.s3().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
			return "", err
		}
		asked := &s3.CreateMultipartUploadInput{ObjectLockMode: types.ObjectLockModeCompliance, ObjectLockRetainUntilDate: aws.Time(time.Now().Add(time.Hour))}
		if difference, err := a.uploadLocked(ctx, bucket, "asked", asked); difference != "" || err != nil {
			return difference, err
		}
		retention := &types.DefaultRetention{Mode: types.ObjectLockRetentionModeCompliance, Days: aws.Int32(1)}
		if _, err := a.s3().PutObjectLockConfiguration(ctx, &s3.PutObjectLockConfigurationInput{Bucket: bucket,
			ObjectLockConfiguration: &types.ObjectLockConfiguration{
				ObjectLockEnabled: types.ObjectLockEnabledEnabled, Rule: &types.ObjectLockRule{DefaultRetention: retention}}}); err != nil {
			return "", err
		}
		return a.uploadLocked(ctx, bucket, "by default", &s3.CreateMultipartUploadInput{})
	})
}

func (a *account) uploadLocked(ctx context.Context, bucket *string, key string, create *s3.CreateMultipartUploadInput) (difference string, err error) {
	create.Bucket, create.Key = bucket, &key
	upload, err := a.s3().CreateMultipartUpload(ctx, create)
	if err != nil {
		return "", err
	}
	part, err := a.s3().UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: &key, UploadId: upload.UploadId,
		PartNumber: aws.Int32(1), Body: strings.NewReader("sealed")})
	if err != nil {
		return "", err
	}
	done, err := a.s3().CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: bucket, Key: &key, UploadId: upload.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{
			{PartNumber: aws.Int32(1), ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32}}}})
	if err != nil {
		return "", err
	}
	return a.locked(ctx, *bucket, key, *done.VersionId)
}

func TestTableConfig(t *testing.T) {
	const table = `{"Type":"AWS::DynamoDB::Table","Properties":{
		"BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],
		"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],
		"PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true},
		"TimeToLiveSpecification":{"AttributeName":"expires","Enabled":true}}}`
	restores(t, func(ctx context.Context, a *account) (string, error) {
		name, err := a.deploy(ctx, table)
		if err != nil {
			return "", err
		}
		client := dynamodb.NewFromConfig(a.config)
		backups, err := client.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &name})
		if err != nil {
			return "", err
		}
		if got := backups.ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus; got != ddbtypes.PointInTimeRecoveryStatusEnabled {
			return fmt.Sprintf("point-in-time recovery is %s", got), nil
		}
		expiry, err := client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
		if err != nil {
			return "", err
		}
		if got := expiry.TimeToLiveDescription; got.TimeToLiveStatus != ddbtypes.TimeToLiveStatusEnabled || aws.ToString(got.AttributeName) != "expires" {
			return fmt.Sprintf("time to live is %s on %q", got.TimeToLiveStatus, aws.ToString(got.AttributeName)), nil
		}
		return "", nil
	})
}
