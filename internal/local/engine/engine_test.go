//go:build platform

package engine

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// fixed is the engine as the platform runs it, stock the one without any fix.
var (
	python       string
	fixed, stock *account
)

func TestMain(m *testing.M) {
	if job, ok := os.LookupEnv("ENGINE_TEST_STARTER"); ok {
		beStarter(job)
		return
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "engine-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	cache := os.Getenv("PMDR_CACHE")
	if cache == "" {
		cache = filepath.Join("..", "..", "..", ".cache")
	}
	ctx := context.Background()
	if python, err = InstallEngine(ctx, cache, os.Stderr); err != nil {
		panic(err)
	}
	code, err := buildFunction(ctx, dir)
	if err != nil {
		panic(err)
	}
	for _, a := range []struct {
		account **account
		name    string
		without []string
	}{{&fixed, "fixed", nil}, {&stock, "stock", []string{"all"}}} {
		e, err := Start(ctx, Options{Python: python, Dir: filepath.Join(dir, a.name), Attached: true,
			AlarmTick: 100 * time.Millisecond, Without: a.without})
		if err != nil {
			panic(err)
		}
		defer func() {
			if err := e.Stop(); err != nil {
				panic(err)
			}
		}()
		if *a.account, err = furnish(ctx, e, code); err != nil {
			panic(err)
		}
	}
	return m.Run()
}

// account is an engine furnished for a test: a role that may do everything and a function that runs under it.
type account struct {
	engine   *Engine
	config   aws.Config
	roleArn  string
	function string // ARN
}

func furnish(ctx context.Context, e *Engine, code []byte) (*account, error) {
	a := &account{engine: e, config: e.AWS()}
	var err error
	if a.roleArn, err = a.role(ctx, "everything", `{"Effect":"Allow","Action":"*","Resource":"*"}`); err != nil {
		return nil, err
	}
	client := lambda.NewFromConfig(a.config)
	created, err := client.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String("function"), Role: &a.roleArn, Code: &lambdatypes.FunctionCode{ZipFile: code},
		Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Timeout: aws.Int32(60),
	})
	if err != nil {
		return nil, err
	}
	a.function = *created.FunctionArn
	active := lambda.NewFunctionActiveV2Waiter(client, func(o *lambda.FunctionActiveV2WaiterOptions) { o.MinDelay = 50 * time.Millisecond })
	return a, active.Wait(ctx, &lambda.GetFunctionInput{FunctionName: created.FunctionName}, time.Minute)
}

// role makes a role that Lambda, Step Functions and the account itself may assume, allowed what the statement says.
func (a *account) role(ctx context.Context, name, statement string) (arn string, err error) {
	client := iam.NewFromConfig(a.config)
	_, err = client.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{` +
			`"Service":["lambda.amazonaws.com","states.amazonaws.com"],"AWS":"` + AccountID + `"}}]}`)})
	if err != nil {
		return "", err
	}
	_, err = client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("policy"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + statement + `]}`)})
	return "arn:aws:iam::" + AccountID + ":role/" + name, err
}

// invoke calls the function and decodes its answer.
func (a *account) invoke(ctx context.Context, event, answer any) error {
	payload, err := json.Marshal(event)
	if err != nil {
		return err
	}
	out, err := lambda.NewFromConfig(a.config).Invoke(ctx, &lambda.InvokeInput{FunctionName: &a.function, Payload: payload})
	if err != nil {
		return err
	}
	if out.FunctionError != nil {
		return fmt.Errorf("function: %s: %s", *out.FunctionError, out.Payload)
	}
	return json.Unmarshal(out.Payload, answer)
}

// buildFunction compiles testdata/function and packs it as Lambda wants it.
func buildFunction(ctx context.Context, dir string) ([]byte, error) {
	bootstrap := filepath.Join(dir, "bootstrap")
	build := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", bootstrap, "./testdata/function")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build function: %w: %s", err, out)
	}
	program, err := os.ReadFile(bootstrap)
	if err != nil {
		return nil, err
	}
	var code bytes.Buffer
	archive := zip.NewWriter(&code)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	w, err := archive.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return code.Bytes(), nil
}

// eventually asks until the answer is yes, and reports what it waited for if that takes longer than a minute.
func eventually(ctx context.Context, what string, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		yes, err := ask()
		if yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not within a minute", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
