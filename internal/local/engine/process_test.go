//go:build platform

package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/uuid"
)

// beStarter is another process that starts an engine, says "ready" and waits to be ended. The job is "attached" or
// "detached".
func beStarter(job string) {
	e, err := Start(context.Background(), Options{
		Python: os.Getenv("ENGINE_TEST_PYTHON"), Dir: os.Getenv("ENGINE_TEST_DIR"), Attached: job == "attached"})
	if err != nil {
		panic(err)
	}
	fmt.Println("ready", e.Endpoint)
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// starter runs beStarter in a process of its own, with the engine in dir.
func starter(t *testing.T, job, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "ENGINE_TEST_STARTER="+job, "ENGINE_TEST_PYTHON="+python, "ENGINE_TEST_DIR="+dir)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); !strings.HasPrefix(line, "ready") {
		t.Fatalf("starter: %q, %v", line, err)
	}
	return cmd
}

// busy starts a function that sleeps for a minute and returns when it is in the middle of that.
func busy(t *testing.T, e *Engine) {
	t.Helper()
	code, err := buildFunction(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a, err := furnish(t.Context(), e, code)
	if err != nil {
		t.Fatal(err)
	}
	ready := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	returned := make(chan error, 1)
	go func() {
		returned <- a.invoke(ctx, map[string]any{"Sleep": 60, "Ready": ready}, new(any))
	}()
	t.Cleanup(func() { cancel(); <-returned })
	if err := eventually(t.Context(), "the function runs", func() (bool, error) {
		select {
		case err := <-returned:
			returned <- err
			return false, fmt.Errorf("the function returned: %w", err)
		default:
		}
		files, err := os.ReadDir(ready)
		return len(files) == 1, err
	}); err != nil {
		t.Fatal(err)
	}
	if members := group(e.process.PID); len(members) != 2 {
		t.Fatalf("the engine's group is %v, want the engine and one function", members)
	}
}

func TestStopEndsFunctions(t *testing.T) {
	t.Parallel()
	e, err := Start(t.Context(), Options{Python: python, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	busy(t, e)
	if err := e.Stop(); err != nil {
		t.Fatal(err)
	}
	if members := group(e.process.PID); len(members) != 0 {
		t.Errorf("processes %v are left", members)
	}
	if err := e.Stop(); err != nil {
		t.Errorf("stop again: %v", err)
	}
	if _, err := Attach(e.Dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("attach to a stopped engine: %v", err)
	}
}

// The launcher alone is told to end, as the kernel or a person might, and takes the functions with it.
func TestTerminatedLauncherEndsFunctions(t *testing.T) {
	t.Parallel()
	e, err := Start(t.Context(), Options{Python: python, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop() })
	busy(t, e)
	if err := syscall.Kill(e.process.PID, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if !e.gone(e.process.PID) {
		t.Errorf("processes %v are left", group(e.process.PID))
	}
}

func TestDetachedEngineOutlivesItsStarter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := starter(t, "detached", dir)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	e, err := Attach(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop() })
	busy(t, e)
	if err := e.Stop(); err != nil {
		t.Fatal(err)
	}
	if members := group(e.process.PID); len(members) != 0 {
		t.Errorf("processes %v are left", members)
	}
}

func TestAttachedEngineDiesWithItsStarter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := starter(t, "attached", dir)
	e, err := Attach(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop() })
	busy(t, e)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if !e.gone(e.process.PID) {
		t.Errorf("processes %v outlived their starter", group(e.process.PID))
	}
}

// A record whose process id has been given to another process must not get that one killed.
func TestAttachKnowsAnotherProcess(t *testing.T) {
	t.Parallel()
	other := exec.CommandContext(t.Context(), "sleep", "60")
	other.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	e := &Engine{Dir: t.TempDir(), process: process{PID: other.Process.Pid, Start: "an earlier one"}}
	if err := e.save(); err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(e.Dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("attach: %v, want ErrNotRunning", err)
	}
	if err := e.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if len(group(other.Process.Pid)) != 1 {
		t.Error("the other process was ended")
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
}

func TestStartReportsATakenPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	_, err = Start(t.Context(), Options{Python: python, Dir: dir, Port: l.Addr().(*net.TCPAddr).Port})
	if !errors.Is(err, errPortTaken) {
		t.Errorf("start on a taken port: %v", err)
	}
	if _, err := Attach(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("attach after a failed start: %v", err)
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	e, err := Start(t.Context(), Options{Python: python, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop() })
	busy(t, e)
	if err := e.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if members := group(e.process.PID); len(members) != 1 {
		t.Errorf("the engine's group is %v, want the engine alone", members)
	}
	roles, err := iam.NewFromConfig(e.AWS()).ListRoles(t.Context(), &iam.ListRolesInput{PathPrefix: aws.String("/")})
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range roles.Roles {
		if *role.RoleName == "everything" {
			t.Error("the engine remembers a role")
		}
	}
}

func TestFunctionSeesOnlyTheEnginesDirectory(t *testing.T) {
	t.Parallel()
	var environ []string
	if err := fixed.invoke(t.Context(), struct{}{}, &environ); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		got[name] = value
	}
	for _, name := range []string{"HOME", "TMPDIR", "LAMBDA_TASK_ROOT"} {
		if got[name] != fixed.engine.Dir && !strings.HasPrefix(got[name], fixed.engine.Dir+string(filepath.Separator)) {
			t.Errorf("%s=%s is outside of %s", name, got[name], fixed.engine.Dir)
		}
	}
	for _, name := range []string{"ENGINE_WITHOUT", "ENGINE_ATTACHED", "PMDR_CACHE", "USER"} {
		if value, ok := got[name]; ok {
			t.Errorf("the function sees %s=%s", name, value)
		}
	}
	if got["AWS_ENDPOINT_URL"] != fixed.engine.Endpoint || !strings.HasPrefix(got["AWS_ACCESS_KEY_ID"], "ASIA") {
		t.Errorf("the function calls %s as %s, want the engine and a session of its role", got["AWS_ENDPOINT_URL"], got["AWS_ACCESS_KEY_ID"])
	}
}

func TestPoliciesAreEnforced(t *testing.T) {
	t.Parallel()
	arn, err := fixed.role(t.Context(), uuid.NewString(), `{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}`)
	if err != nil {
		t.Fatal(err)
	}
	session, err := sts.NewFromConfig(fixed.config).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("test")})
	if err != nil {
		t.Fatal(err)
	}
	bound := fixed.config
	bound.Credentials = credentials.NewStaticCredentialsProvider(
		*session.Credentials.AccessKeyId, *session.Credentials.SecretAccessKey, *session.Credentials.SessionToken)
	if _, err := iam.NewFromConfig(bound).ListUsers(t.Context(), &iam.ListUsersInput{}); err != nil {
		t.Errorf("what the policy allows: %v", err)
	}
	if _, err := iam.NewFromConfig(bound).ListRoles(t.Context(), &iam.ListRolesInput{}); !missing(err, "AccessDenied") {
		t.Errorf("what the policy does not allow: %v, want AccessDenied", err)
	}
}
