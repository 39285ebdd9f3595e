package platform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/local/engine"
	"github.com/penguinmails/disaster-recovery/internal/local/progress"
	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
)

// Platform is one running platform. Every one has its own folder and its own ports.
type Platform struct {
	Engine *engine.Engine
	Vault  *vaultserver.Node
	// Keys are Vault's own: the demo plays the operator who holds them.
	Keys vaultserver.Keys
	// Outputs are the stack's, by name.
	Outputs map[string]string
	// AWS is the configuration for clients of the engine, as the account's root user.
	AWS aws.Config
	// Mail is where the tenants' servers are; nil until StartMail.
	Mail *Mail
	// Faults are what can go wrong between the functions and the rest; nil unless they were asked for.
	Faults *Faults
	// Built is the folder of the built template.
	Built string

	tools     Tools
	dir       string
	attached  bool
	dialMailu func(ctx context.Context, address string) (net.Conn, error)
	authority vaultserver.Authority
	say       *progress.Printer
}

// Options say where a platform lives.
type Options struct {
	// Dir is the platform's own folder; what an earlier one left there is removed.
	Dir string
	// Attached ends every process with this one, however it ends; otherwise the platform stays until Stop.
	Attached bool
	// Faults puts a proxy before everything that the functions call; clients of the platform itself go straight.
	Faults bool
	// DialMailu connects to the admin port of a mail server, at the far end of the SSH tunnel; nil connects directly, or to
	// the proxy of Faults.
	DialMailu func(ctx context.Context, address string) (net.Conn, error)
}

// Start starts the engine and an unsealed, configured Vault with its tenants, and builds the functions meanwhile. It
// deploys nothing.
func Start(ctx context.Context, tools Tools, o Options, say *progress.Printer) (*Platform, error) {
	if err := os.RemoveAll(o.Dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	p := &Platform{tools: tools, dir: o.Dir, attached: o.Attached, dialMailu: o.DialMailu, say: say}
	work, wctx := errgroup.WithContext(ctx)
	work.Go(func() (err error) {
		p.Built, err = tools.Build(wctx, say)
		return err
	})
	work.Go(func() error {
		return say.Step("start the AWS engine and Vault", func() error { return p.start(wctx, o) })
	})
	if err := work.Wait(); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

func (p *Platform) start(ctx context.Context, o Options) (err error) {
	if p.authority, err = vaultserver.NewAuthority(filepath.Join(o.Dir, "tls")); err != nil {
		return err
	}
	options := engine.Options{Python: p.tools.Python, Dir: filepath.Join(o.Dir, "engine"), Attached: o.Attached}
	if o.Faults {
		if err := p.startFaults(); err != nil {
			return err
		}
		options.FunctionsEndpoint, options.RuntimeAPI = p.Faults.AWS.URL(), p.Faults.Runtime.Address()
	}
	if p.Engine, err = engine.Start(ctx, options); err != nil {
		return err
	}
	p.AWS = p.Engine.AWS()
	p.Vault, err = vaultserver.Start(ctx, vaultserver.Options{
		Binary: p.tools.Vault, Dir: filepath.Join(o.Dir, "vault"), Name: "vault-1",
		CertFile: p.authority.CertFile, KeyFile: p.authority.KeyFile, CAFile: p.authority.CAFile,
		Env: []string{"AWS_REGION=" + engine.Region, "AWS_EC2_METADATA_DISABLED=true"}, Attached: o.Attached,
	})
	if err != nil {
		return err
	}
	if p.Faults != nil {
		p.Faults.follow(p.Engine, p.Vault)
	}
	return p.configureVault(ctx)
}

// Stop ends every process of the platform, gently first. What is stopped already is no error.
func (p *Platform) Stop() error {
	var errs []error
	if p.Mail != nil {
		errs = append(errs, p.Mail.stop())
	}
	if p.Engine != nil {
		errs = append(errs, p.Engine.Stop())
	}
	if p.Vault != nil {
		errs = append(errs, p.Vault.Stop())
	}
	if p.Faults != nil {
		errs = append(errs, p.Faults.stop())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop the platform: %w", err)
	}
	return nil
}
