package platform

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/penguinmails/disaster-recovery/internal/local/progress"
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

// Build runs `sam build` and returns the folder with the built template. A build of the very same sources is used again.
func (t Tools) Build(ctx context.Context, say *progress.Printer) (dir string, err error) {
	sum, err := sources(t.Root)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(t.Cache, "build", sum)
	if _, err := os.Stat(filepath.Join(dir, "template.yaml")); err == nil {
		return dir, nil
	}
	if err := forgetOldBuilds(filepath.Dir(dir)); err != nil {
		return "", err
	}
	work := fmt.Sprintf("%s.%d", dir, os.Getpid())
	env := []string{"CGO_ENABLED=0", "GOFLAGS=" + strings.TrimSpace(os.Getenv("GOFLAGS")+" -tags=lambda.norpc -trimpath -ldflags=-s"),
		"AWS_DEFAULT_REGION=us-east-1"}
	env = append(env, t.samEnv()...)
	err = say.Step("build the functions (sam build)", func() error {
		return run(ctx, t.Root, env, t.SAM, "build", "--build-dir", work, "--parameter-overrides", "Arch="+architecture())
	})
	if err != nil {
		return "", err
	}
	return dir, os.Rename(work, dir)
}

// samEnv keeps SAM from writing into the user's home and from sending usage data.
func (t Tools) samEnv() []string {
	return []string{"SAM_CLI_TELEMETRY=0", "__SAM_CLI_APP_DIR=" + filepath.Join(t.Cache, "sam-home")}
}

// keptBuilds is how many builds stay: those of the last few edits, each some 100 MB.
const keptBuilds = 2

func forgetOldBuilds(dir string) error {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return err
	}
	for len(entries) > keptBuilds {
		oldest := 0
		for i, e := range entries {
			if older(e, entries[oldest]) {
				oldest = i
			}
		}
		if err := os.RemoveAll(filepath.Join(dir, entries[oldest].Name())); err != nil {
			return err
		}
		entries = append(entries[:oldest], entries[oldest+1:]...)
	}
	return nil
}

func older(a, b fs.DirEntry) bool {
	ai, aErr := a.Info()
	bi, bErr := b.Info()
	return aErr == nil && bErr == nil && ai.ModTime().Before(bi.ModTime())
}

// sources is the digest of everything that `sam build` reads.
func sources(root string) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), runtime.GOARCH)
	for _, top := range []string{"go.mod", "go.sum", "template.yaml", "functions", "internal", "statemachines"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			if rel == filepath.Join("internal", "local") {
				return fs.SkipDir // the platform itself is not deployed
			}
			if d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(hash, "%s %d\n", rel, len(content))
			hash.Write(content)
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// Deploy runs `sam deploy` with the unmodified template and reads the stack's outputs. A deployed stack is updated.
func (p *Platform) Deploy(ctx context.Context, built, schedule string) error {
	overrides := []string{
		"Arch=" + architecture(),
		"VaultNodes=" + p.Vault.URL(),
		"VaultCaCertificate=" + base64.StdEncoding.EncodeToString(p.authority.CAPEM),
		"BackupSchedule='" + schedule + "'",
	}
	args := append([]string{"deploy", "--template-file", filepath.Join(built, "template.yaml"),
		"--config-file", filepath.Join(p.tools.Root, "samconfig.toml"), "--no-confirm-changeset",
		"--parameter-overrides"}, overrides...)
	err := p.say.Step("deploy the stack (sam deploy)", func() error {
		return run(ctx, p.tools.Root, append(p.Engine.Env(), p.tools.samEnv()...), p.tools.SAM, args...)
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
