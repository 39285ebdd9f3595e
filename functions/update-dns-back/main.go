// UpdateDnsBack undoes what UpdateDns did.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/penguinmails/disaster-recovery/internal/dns"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

type environment struct{}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[dns.BackInput, dns.Update], error) {
	return dns.Updater{Zones: route53.NewFromConfig(cfg)}.Back, nil
}

func main() { task.Start(wire) }
