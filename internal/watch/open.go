package watch

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/hold"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// StarterConfig says what is started, and how often.
type StarterConfig struct {
	Tenants  tenant.Config
	Restores hold.Config
	// Machine is the ARN of the state machine vps-recovery.
	Machine string `env:"RECOVERY_MACHINE_ARN,required"`
	AtOnce  int    `env:"AUTOMATIC_RECOVERIES_AT_ONCE,required"`
	PerHour int    `env:"AUTOMATIC_RECOVERIES_PER_HOUR,required"`
}

// SettlerConfig says what has those looked at again whose credential is in doubt.
type SettlerConfig struct {
	// Machine is the ARN of the state machine reconcile-after-restore.
	Machine string `env:"RECONCILE_MACHINE_ARN,required"`
}

// OpenSweeper prepares the sweep, but for the backups; it makes no call.
func OpenSweeper(cfg aws.Config, starter StarterConfig, alarms AlarmConfig, settler SettlerConfig) Sweeper {
	machines, tables := sfn.NewFromConfig(cfg), dynamodb.NewFromConfig(cfg)
	registry := tenant.Open(cfg, starter.Tenants)
	return Sweeper{
		Tenants: tenant.List{Database: tables, Table: registry.Table},
		Alarms:  OpenAlarms(cfg, alarms),
		Starter: OpenStarter(cfg, starter),
		Settler: Settler{
			Automation: tenant.Budget{Registry: registry, Ledger: tables}, Restores: hold.Open(cfg, starter.Restores),
			Machine: launch.Machine{Client: machines, ARN: settler.Machine},
		},
		Executions: tenant.StepFunctions{Client: machines},
		Metrics:    cloudwatch.NewFromConfig(cfg),
	}
}

// OpenStarter prepares the starter; it makes no call.
func OpenStarter(cfg aws.Config, c StarterConfig) Starter {
	machines := sfn.NewFromConfig(cfg)
	return Starter{
		Budget: tenant.Budget{
			Registry: tenant.Open(cfg, c.Tenants), Ledger: dynamodb.NewFromConfig(cfg),
			Executions: tenant.StepFunctions{Client: machines}, Restores: hold.Open(cfg, c.Restores),
			Limits: tenant.Limits{Concurrent: c.AtOnce, PerHour: c.PerHour}, Now: time.Now,
		},
		Machine: launch.Machine{Client: machines, ARN: c.Machine},
	}
}
