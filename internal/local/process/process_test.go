package process

import (
	"bufio"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// child starts a shell script, waits for its first line, and returns its name and a channel closed when it has ended.
// It is killed when the test ends.
func child(t *testing.T, script string) (Process, <-chan struct{}) {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan error, 1)
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_, err := bufio.NewReader(output).ReadString('\n')
		ready <- err
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-exited
	})
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	p, err := Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return p, exited
}

func TestEndIsCleanWhereTheProcessAllowsIt(t *testing.T) {
	note := t.TempDir() + "/note"
	p, exited := child(t, `trap 'echo clean > `+note+`; exit 0' TERM; echo ready; while :; do sleep 0.01; done`)
	if !p.Running() {
		t.Fatal("a running process is said to have ended")
	}
	if err := p.End(unix.SIGTERM, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	<-exited
	if p.Running() {
		t.Error("an ended process is said to run")
	}
	if _, err := os.Stat(note); err != nil {
		t.Errorf("the process was not asked before it was killed: %v", err)
	}
	if err := p.End(unix.SIGTERM, time.Second); err != nil {
		t.Errorf("ending an ended process: %v", err)
	}
}

func TestEndKillsAProcessThatStays(t *testing.T) {
	p, exited := child(t, `trap '' TERM; echo ready; while :; do sleep 0.01; done`)
	if err := p.End(unix.SIGTERM, 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	<-exited
}

func TestAStrangerWithTheSamePidIsSpared(t *testing.T) {
	p, _ := child(t, `echo ready; exec sleep 60`)
	earlier := Process{PID: p.PID, StartTime: p.StartTime - 1}
	if earlier.Running() {
		t.Error("a stranger with the pid passes for the process")
	}
	if err := earlier.End(unix.SIGKILL, time.Second); err != nil {
		t.Fatal(err)
	}
	if !p.Running() {
		t.Error("the stranger was killed")
	}
}

func TestTheZeroProcessIsNobody(t *testing.T) {
	if (Process{}).Running() {
		t.Error("the zero Process runs")
	}
	if err := (Process{}).End(unix.SIGKILL, time.Second); err != nil { // pid 0 would be the whole group
		t.Error(err)
	}
}
