//go:build platform

package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestSecureTransport(t *testing.T) {
	restores(t, func(ctx context.Context, a *account) (string, error) {
		bucket := aws.String("only-tls")
		if _, err := a.s3().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}); err != nil {
			return "", err
		}
		if _, err := a.s3().PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String(fmt.Sprintf(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*",
			"Resource":"arn:aws:s3:::%s/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`, *bucket))}); err != nil {
			return "", err
		}
		// The account's root user is bound by no policy; the role is, as the functions are.
		role := a.config.Copy()
		role.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(a.config), a.roleArn))
		_, err := s3.NewFromConfig(role, func(o *s3.Options) { o.UsePathStyle = true }).PutObject(ctx, &s3.PutObjectInput{
			Bucket: bucket, Key: aws.String("key"), Body: strings.NewReader("body")})
		if missing(err, "AccessDenied") {
			return "a bucket that insists on TLS refuses every client", nil
		}
		return "", err
	})
}

func TestRoute53Change(t *testing.T) {
	restores(t, func(ctx context.Context, a *account) (string, error) {
		role, err := a.role(ctx, "follows-changes", `{"Effect":"Allow","Action":"route53:GetChange","Resource":"arn:aws:route53:::change/*"}`)
		if err != nil {
			return "", err
		}
		zone, err := route53.NewFromConfig(a.config).CreateHostedZone(ctx, &route53.CreateHostedZoneInput{
			Name: aws.String("changes.example.org"), CallerReference: aws.String("changes")})
		if err != nil {
			return "", err
		}
		follower := a.config.Copy()
		follower.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(a.config), role))
		_, err = route53.NewFromConfig(follower).GetChange(ctx, &route53.GetChangeInput{Id: zone.ChangeInfo.Id})
		var answer interface{ HTTPStatusCode() int }
		if errors.As(err, &answer) && answer.HTTPStatusCode() == 403 {
			return "a role that may follow every change is refused", nil
		}
		return "", err
	})
}
