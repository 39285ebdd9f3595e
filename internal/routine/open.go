package routine

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/penguinmails/disaster-recovery/internal/hold"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/notice"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// Config says where the tenants are, who tells them, and what rotates.
type Config struct {
	Tenants  tenant.Config
	Restores hold.Config
	Machine  string `env:"ROTATION_MACHINE_ARN,required"` // ARN of credential-rotation
	Topic    string `env:"TOPIC_ARN,required"`            // of the tenants
}

// Open prepares the sweep; it makes no call.
func Open(cfg aws.Config, c Config, login Login) Sweeper {
	machines, tables, registry := sfn.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg), tenant.Open(cfg, c.Tenants)
	return Sweeper{
		Tenants:    tenant.List{Database: tables, Table: registry.Table},
		Automation: tenant.Budget{Registry: registry, Ledger: tables},
		Restores:   hold.Open(cfg, c.Restores),
		Executions: tenant.StepFunctions{Client: machines},
		Login:      login,
		Letters:    notice.Tenants{SNS: sns.NewFromConfig(cfg), Topic: c.Topic},
		Notes:      registry,
		Machine:    launch.Machine{Client: machines, ARN: c.Machine},
	}
}
