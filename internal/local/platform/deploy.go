package platform

import (
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// StackName is the stack's name in samconfig.toml.
const StackName = "penguinmails-dr"

// architecture is the template's parameter Arch on this machine.
func architecture() string {
	if runtime.GOARCH == "amd64" {
		return "x86_64"
	}
	return runtime.GOARCH
}

// Deploy runs `sam deploy` with the unmodified template and reads the stack's outputs. A deployed stack is updated.
func (p *Platform) Deploy(ctx context.Context, built, schedule string) error {
	recipient, err := p.breakGlassRecipient()
	if err != nil {
		return err
	}
	overrides := []string{
		"Arch=" + architecture(),
		"VaultNodes=" + p.vaultForFunctions(),
		"VaultCaCertificate=" + base64.StdEncoding.EncodeToString(p.authority.CAPEM),
		"BackupSchedule='" + schedule + "'",
		"BreakGlassRecipient=" + recipient,
		"RebootChecks=2",       // servers boot in seconds here
		"TenantAlarmMinutes=1", // nobody here waits for three
	}
	if p.Mail == nil { // nobody listens there: without servers of its own the platform must reach no others
		overrides = append(overrides, "ProviderEndpoint=http://127.0.0.1:1/v1", "DnsResolver=127.0.0.1:1", "OutboundProbe=127.0.0.1:1")
	} else {
		overrides = append(overrides,
			"ProviderEndpoint="+p.providerForFunctions(), "DnsResolver="+p.Mail.At.DNS, "OutboundProbe="+p.Mail.At.Sender, "LoopbackServers=true",
			"MailCaCertificate="+base64.StdEncoding.EncodeToString(p.Mail.Trusted()))
	}
	args := append([]string{"deploy", "--template-file", filepath.Join(built, "template.yaml"),
		"--config-file", filepath.Join(p.tools.Root, "samconfig.toml"), "--no-confirm-changeset",
		"--parameter-overrides"}, overrides...)
	err = p.say.Step("deploy the stack (sam deploy)", func() error {
		return p.tools.SAM.Run(ctx, p.tools.Root, p.Engine.Env(), args...)
	})
	if err != nil {
		return err
	}
	stacks, err := cloudformation.NewFromConfig(p.AWS).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(StackName)})
	if err != nil {
		return fmt.Errorf("read the stack's outputs: %w", err)
	}
	p.Outputs = map[string]string{}
	for _, o := range stacks.Stacks[0].Outputs {
		p.Outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return nil
}
