package world

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penguinmails/disaster-recovery/internal/local/process"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
)

// Detached is a world that is a process of its own, and survives the one that started it. It is plain JSON: whoever reads
// it later takes hold of the same world.
type Detached struct {
	Place   Place           `json:"place"`
	Dir     string          `json:"dir"` // of the servers
	Process process.Process `json:"process"`
}

// logName is where a detached world logs, below the servers' directory.
const logName = "world.log"

// Detach starts the compiled command ./cmd, with the engine's environment, and returns when everything answers.
func Detach(ctx context.Context, binary string, o server.Options, engine []string) (d Detached, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("start the world: %w", err)
		}
	}()
	if d.Dir, err = filepath.Abs(o.Dir); err != nil {
		return Detached{}, err
	}
	if err := os.MkdirAll(d.Dir, 0o700); err != nil {
		return Detached{}, err
	}
	log, err := os.OpenFile(filepath.Join(d.Dir, logName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return Detached{}, err
	}
	defer log.Close()
	cmd := exec.Command(binary, "-dir", d.Dir, "-program", o.Program, "-ssh-port", strconv.Itoa(cmp.Or(o.SSHPort, 22)))
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "PROVIDER_TOKEN=" + o.Token}, engine...)
	cmd.Dir, cmd.Stderr = d.Dir, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no signal that is meant for the starter's terminal reaches it
	ready, err := cmd.StdoutPipe()
	if err != nil {
		return Detached{}, err
	}
	if err := cmd.Start(); err != nil {
		return Detached{}, err
	}
	context.AfterFunc(ctx, func() { _ = ready.Close() })
	if d.Process, err = process.Identify(cmd.Process.Pid); err == nil {
		err = json.NewDecoder(ready).Decode(&d.Place)
	}
	if err != nil {
		err = errors.Join(err, ctx.Err(), cmd.Process.Kill(), said(log.Name()), server.Sweep(d.Dir))
		_ = cmd.Wait()
		return Detached{}, err
	}
	go func() { _ = cmd.Wait() }() // so that it can be seen to have ended while its starter still runs
	return d, nil
}

// stopGrace is how long every server may take to end.
const stopGrace = 20 * time.Second

// Stop ends the world and every server in it, gently first. A world that has ended already is no error, and what one that
// was killed has left behind ends, too.
func (d Detached) Stop() error {
	if d.Dir == "" {
		return nil
	}
	return errors.Join(d.Process.End(unix.SIGTERM, stopGrace), server.Sweep(d.Dir))
}

// said quotes what a world that did not start has logged.
func said(log string) error {
	text, err := os.ReadFile(log)
	if err != nil {
		return err
	}
	return errors.New("it said: " + strings.TrimSpace(string(text)))
}
