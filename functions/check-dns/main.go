// CheckDns asks whether the world sees the change.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/penguinmails/disaster-recovery/internal/dns"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

type environment struct{ DNS dns.Config }

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[dns.CheckInput, dns.Sight], error) {
	checker, err := dns.NewChecker(route53.NewFromConfig(cfg), e.DNS)
	if err != nil {
		return nil, err
	}
	return checker.Check, nil
}

func main() { task.Start(wire) }
