package vaultserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/process"
)

// launch starts the server with its output going to the log and returns a channel that is closed when it has ended
// and was collected. An attached child ends with this process; a detached one leads a session of its own, which no
// signal meant for the starter's terminal or process group reaches.
func launch(o Options, configFile string, log *os.File) (process.Process, <-chan struct{}, error) {
	cmd := exec.Command(o.Binary, "server", "-config="+configFile)
	cmd.Dir = o.Dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, o.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: !o.Attached}
	if o.Attached {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}

	type result struct {
		process process.Process
		err     error
	}
	started, exited := make(chan result, 1), make(chan struct{})
	go func() {
		defer close(exited)
		// Pdeathsig is sent when the starting thread ends, not the process (golang.org/issue/27505): hold the thread
		// for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- result{err: err}
			return
		}
		one, err := process.Identify(cmd.Process.Pid) // before Wait: until then the pid stays the child's own
		if err != nil {
			_ = cmd.Process.Kill()
		}
		started <- result{one, err}
		_ = cmd.Wait()
	}()
	r := <-started
	return r.process, exited, r.err
}

// awaitAPI waits until sys/health answers, whatever the status: 501 uninitialised and 503 sealed are answers.
func (n *Node) awaitAPI(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("no answer within %v", startTimeout))
	defer cancel()
	client, err := n.httpClient()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		err := ask(ctx, client, n.URL()+"/v1/sys/health")
		if err == nil {
			return nil
		}
		select {
		case <-n.exited:
			return errors.New("the server ended before it answered")
		case <-ctx.Done():
			return fmt.Errorf("wait for sys/health: %w (last: %w)", context.Cause(ctx), err)
		case <-poll.C:
		}
	}
}

func ask(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// saidSince quotes the last lines that were added to the log behind the given offset.
func saidSince(log *os.File, offset int64) error {
	text, err := io.ReadAll(io.NewSectionReader(log, offset, 1<<20))
	if err != nil {
		return err
	}
	return fmt.Errorf("its log ends with:\n%s", lastLines(text, 15))
}
