package credential_test

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/credential"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// sides are the worlds that a run's steps see; a mutant is one that stands before another.
type sides struct {
	vault    credential.Vault
	registry credential.Registry
	mailbox  credential.Mailbox
	client   credential.Client
	servers  credential.Servers
	restores restores
	loggedIn func() error
	// untested: the run commits before it has tested.
	untested bool
}

// restores are the executions of vault-restore: what is in the way while one runs.
type restores struct{ underWay error }

func (r restores) Guard(context.Context) error { return r.underWay }

func (c client) sides() sides {
	return sides{vault: c, registry: c, mailbox: c, client: c, servers: credential.Servers{Power: c, Executions: c}, loggedIn: c.login}
}

func (s sides) login(context.Context) (credential.Vault, func(), error) {
	return s.vault, func() {}, s.loggedIn()
}

func (s sides) open(context.Context, mailu.Secrets, string, mailu.Server, mailu.Through) (credential.Mailbox, func(), error) {
	return s.mailbox, func() {}, nil
}

var execution = task.Execution{
	ARN: "arn:aws:states:eu-central-1:123456789012:execution:credential-rotation:1", State: "StageCredentials",
	StartedAt: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC),
}

func now() time.Time { return execution.StartedAt.Add(3 * time.Second) }

// rotate walks the steps as the state machine does, with its Retry block.
func (s sides) rotate(ctx context.Context) (done credential.Committed, err error) {
	stager := credential.Stager{Registry: s.registry, Servers: s.servers, Restores: s.restores, Login: s.login}
	setter := credential.Setter{Registry: s.registry, Restores: s.restores, Login: s.login, Open: s.open}
	tester := credential.Tester{Registry: s.registry, Login: s.login, Open: s.open, Client: s.client, Now: now}
	committer := credential.Committer{Registry: s.registry, Servers: s.servers, Login: s.login, Open: s.open}

	input := json.RawMessage(`{"tenant_id":"acme","incident_id":"INC-1","reason":"model"}`)
	staged, err := retried(ctx, stager.Stage, credential.StageInput{Input: input, Execution: execution})
	if err != nil {
		return done, err
	}
	commit := func() error {
		done, err = retried(ctx, committer.Commit, credential.CommitInput{Rotation: staged, Execution: execution})
		return err
	}
	if !staged.Serving {
		err = commit()
		return done, err
	}
	set := mailu.SetInput{Tenant: staged.Tenant, Server: staged.Server, Pending: true, Execution: execution}
	if _, err := retried(ctx, setter.Set, set); err != nil {
		return done, err
	}
	test := func() error {
		_, err := retried(ctx, tester.Test, credential.TestInput{Rotation: staged, Execution: execution})
		return err
	}
	if s.untested {
		test, commit = commit, test
	}
	if err := test(); err != nil {
		return done, err
	}
	err = commit()
	return done, err
}

func retried[In, Out any](ctx context.Context, step task.Handler[In, Out], in In) (out Out, err error) {
	for range 3 {
		out, err = step(ctx, in)
		if err == nil || !slices.Contains(fault.Retryable(), fault.Of(err).Name) {
			return out, err
		}
	}
	return out, err
}
