package server

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A process that is just becoming another program has no environment to be found by: it is ended none the less.
func TestSweepFindsAProcessThatBecomesAnotherProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	again := filepath.Join(dir, "again")
	if err := os.WriteFile(again, []byte("exec /bin/sh \"$0\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 300 {
		cmd := exec.Command("/bin/sh", again)
		cmd.Env = []string{markName + "=" + dir}
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			_ = cmd.Wait()
			close(ended)
		}()
		err := Sweep(dir)
		select {
		case <-ended:
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			<-ended
			t.Fatalf("the sweep has missed the process, and answered %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// One that lives without an environment is nobody's, and no reason to look again and again.
func TestSweepLeavesWhatIsNotMarked(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("/bin/sleep", "300")
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := Sweep(t.TempDir()); err != nil {
		t.Error(err)
	}
	if executing(cmd.Process.Pid) {
		t.Error("a process without an environment looks like one that is becoming another program")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the process had ended before")
	}
}
