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
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
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

func TestCloudWatchPermissions(t *testing.T) {
	restores(t, func(ctx context.Context, a *account) (string, error) {
		role, err := a.role(ctx, "watches", `
			{"Effect":"Allow","Action":"cloudwatch:PutMetricData","Resource":"*","Condition":{"StringEquals":{"cloudwatch:namespace":"Ours"}}},
			{"Effect":"Allow","Action":["cloudwatch:PutMetricAlarm","cloudwatch:DeleteAlarms"],"Resource":"arn:aws:cloudwatch:*:*:alarm:ours-*"},
			{"Effect":"Allow","Action":"cloudwatch:DescribeAlarms","Resource":"arn:aws:cloudwatch:*:*:alarm:*"}`)
		if err != nil {
			return "", err
		}
		config := a.config.Copy()
		config.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(a.config), role))
		client := cloudwatch.NewFromConfig(config)
		put := func(namespace string, data int) error { // beyond 10 KB the SDK compresses what it sends
			in := &cloudwatch.PutMetricDataInput{Namespace: &namespace}
			for i := range data {
				in.MetricData = append(in.MetricData, cwtypes.MetricDatum{
					MetricName: aws.String("Down"), Dimensions: dimension(fmt.Sprint("tenant-", i)), Value: aws.Float64(1)})
			}
			_, err := client.PutMetricData(ctx, in)
			return err
		}
		alarm := func(name string) error {
			_, err := client.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
				AlarmName: &name, Namespace: aws.String("Ours"), MetricName: aws.String("Down"), Dimensions: dimension("tenant-999"),
				Statistic: cwtypes.StatisticMaximum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1),
				Threshold: aws.Float64(1), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanOrEqualToThreshold})
			return err
		}
		drop := func(name string) error {
			_, err := client.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{name}})
			return err
		}
		for what, call := range map[string]func() error{
			"data of its namespace": func() error { return put("Ours", 1) },
			"an alarm of its name":  func() error { return alarm("ours-1") },
		} {
			if err := call(); err != nil {
				return "", fmt.Errorf("%s: %w", what, err)
			}
		}
		if err := put("Ours", 1000); err != nil {
			return "", fmt.Errorf("a thousand data: %w", err)
		}
		listed, err := client.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: aws.String("ours-")})
		if err != nil || len(listed.MetricAlarms) != 1 || listed.MetricAlarms[0].StateValue != cwtypes.StateValueAlarm {
			return fmt.Sprintf("the last of a thousand data does not ring: %+v", listed), err
		}
		if err := drop("ours-1"); err != nil {
			return "", fmt.Errorf("delete its own alarm: %w", err)
		}
		for what, call := range map[string]func() error{
			"data of another namespace":    func() error { return put("Theirs", 1) },
			"an alarm of another name":     func() error { return alarm("theirs-1") },
			"the deletion of another name": func() error { return drop("theirs-1") },
		} {
			if err := call(); !missing(err, "AccessDeniedException") {
				return fmt.Sprintf("a role that may not is allowed %s (%v)", what, err), nil
			}
		}
		return "", nil
	})
}
