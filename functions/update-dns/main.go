// UpdateDns moves the tenant's records to the new server, in one batch that an outdated run cannot make.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/penguinmails/disaster-recovery/internal/dns"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

type environment struct{}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[dns.UpdateInput, dns.Update], error) {
	return dns.Updater{Zones: route53.NewFromConfig(cfg)}.Update, nil
}

func main() { task.Start(wire) }
