// Package engine runs the AWS of the local platform: ministack, a Python server that answers the AWS APIs on one loopback
// port and runs Lambda functions as processes, behind a launcher that restores the AWS behaviour it lacks.
//
// The launcher (launcher/) and the exact packages it needs (requirements.txt, hashed) are embedded. InstallEngine makes
// the Python environment once per machine, Start starts an engine whose state is one directory, and Stop leaves no
// process behind. A detached engine outlives its starter; Attach finds it again by that directory.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The account and the region that every engine serves.
const (
	AccountID = "123456789012"
	Region    = "us-east-1"
)

// Options says how an engine is started.
type Options struct {
	Python string // interpreter with the engine's packages, from InstallEngine
	Dir    string // directory that becomes the engine's: launcher, function code, temporary files, record, log
	Port   int    // loopback port, 0 for any free one

	// NoAuth lets every request through. By default IAM policies hold, as on AWS, for whoever is not the root user
	// whose credentials Env gives: above all for each function, by its own role.
	NoAuth bool

	// FunctionsEndpoint is where functions find AWS, the engine itself if empty. RuntimeAPI, a host:port, stands between
	// functions and the Lambda Runtime API of each, whose port is then the first part of the path; empty means nobody.
	FunctionsEndpoint, RuntimeAPI string

	LogFile   string        // where the engine logs, Dir/engine.log if empty
	Attached  bool          // the engine ends when this process does, however it does
	AlarmTick time.Duration // how often CloudWatch alarms are evaluated, 2 s if zero
	Without   []string      // launcher fixes to leave out, "all" for the stock engine
}

// Engine is a running engine.
type Engine struct {
	Endpoint string // http://127.0.0.1:port, for every AWS service
	Dir      string

	process process
	exited  <-chan struct{} // closed when a process started here has been reaped; nil after Attach
	input   *os.File        // our end of an attached engine's standard input
}

// errPortTaken is the one failure of a start that is worth another try, when the port was ours to choose.
var errPortTaken = errors.New("the port is already in use")

// Start starts an engine and returns when it answers. The context bounds the start only, to 30 seconds if it has no
// deadline of its own.
func Start(ctx context.Context, o Options) (*Engine, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
	}
	for {
		e, err := start(ctx, o)
		if o.Port == 0 && errors.Is(err, errPortTaken) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("start local AWS engine: %w", err)
		}
		return e, nil
	}
}

func start(ctx context.Context, o Options) (*Engine, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	launcher, err := writeLauncher(dir)
	if err != nil {
		return nil, err
	}
	if o.Port == 0 {
		if o.Port, err = freePort(); err != nil {
			return nil, err
		}
	}
	if o.LogFile == "" {
		o.LogFile = filepath.Join(dir, "engine.log")
	}
	log, err := os.OpenFile(o.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()

	e := &Engine{Endpoint: "http://127.0.0.1:" + strconv.Itoa(o.Port), Dir: dir}
	cmd := exec.Command(o.Python, launcher)
	cmd.Dir, cmd.Env = dir, environment(dir, e.Endpoint, o)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a group of its own, functions included, and no terminal
	var theirs *os.File
	if o.Attached {
		if theirs, e.input, err = os.Pipe(); err != nil {
			return nil, err
		}
		defer theirs.Close()
		cmd.Stdin = theirs
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	e.exited = exited
	go func() { _ = cmd.Wait(); close(exited) }()

	if err := e.await(ctx, cmd.Process.Pid); err != nil {
		return nil, errors.Join(explain(err, o.LogFile), e.kill(cmd.Process.Pid))
	}
	return e, nil
}

// await returns when the engine that runs as pid answers and is on record.
func (e *Engine) await(ctx context.Context, pid int) error {
	var err error
	if e.process, err = find(pid); err != nil {
		return err
	}
	if err := e.save(); err != nil {
		return err
	}
	for {
		if err = e.healthy(ctx); err == nil {
			return nil
		}
		select {
		case <-e.exited:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (e *Engine) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second) // whoever else has the port may not answer at all
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.Endpoint+"/_ministack/health", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("health: %s", resp.Status)
	}
	return nil
}

// explain adds what the engine last said to the error of a failed start.
func explain(err error, logFile string) error {
	log, readErr := os.ReadFile(logFile)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	last := strings.Join(lines[max(0, len(lines)-5):], "\n")
	if strings.Contains(last, "already in use") {
		err = errors.Join(err, errPortTaken)
	}
	return fmt.Errorf("%w; it said:\n%s", err, last)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Reset forgets everything the engine holds, functions' processes included, as if it had just been started.
func (e *Engine) Reset(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.Endpoint+"/_ministack/reset", nil)
	if err != nil {
		return fmt.Errorf("reset local AWS engine: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("reset local AWS engine: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("reset local AWS engine: %s", resp.Status)
	}
	return nil
}

// writeLauncher lays the launcher out in dir and returns its path.
func writeLauncher(dir string) (string, error) {
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o700); err != nil {
		return "", err
	}
	launcher := filepath.Join(dir, "launcher")
	if err := os.RemoveAll(launcher); err != nil {
		return "", err
	}
	files, err := fs.Sub(launcherFiles, "launcher")
	if err != nil {
		return "", err
	}
	return launcher, os.CopyFS(launcher, files)
}
