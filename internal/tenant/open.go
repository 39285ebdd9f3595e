package tenant

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Config says where the registry is.
type Config struct {
	Table string `env:"TENANTS_TABLE,required"`
	// Loopback admits servers on 127.0.0.0/8: on one machine that is where they are.
	Loopback bool `env:"LOOPBACK_SERVERS"`
}

// Open prepares the registry; it makes no call.
func Open(cfg aws.Config, c Config) Registry {
	return Registry{Database: dynamodb.NewFromConfig(cfg), Table: c.Table, Addresses: Addresses{Loopback: c.Loopback}}
}
