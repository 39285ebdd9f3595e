package server_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

func TestPowerOffCutsEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.running()
	client := w.login(s)
	port := w.install(client)
	address := net.JoinHostPort(s.IPv4.String(), strconv.Itoa(port))
	w.run(client, "cd /mailu && docker compose up -d")
	w.eventually("the program serves", func() bool { return page(address) != "" })
	before := page(address)
	// One that detaches itself as thoroughly as it can, and one that somebody waits for.
	w.run(client, "setsid nohup sleep 300 > /dev/null 2>&1 < /dev/null &")
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start("sleep 300"); err != nil {
		t.Fatal(err)
	}
	// One that has said nothing yet.
	silent, err := net.Dial("tcp", net.JoinHostPort(s.IPv4.String(), strconv.Itoa(w.port)))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := bufio.NewReader(silent).ReadString('\n'); err != nil { // the server's version
		t.Fatal(err)
	}
	dir := w.provider.Servers()[0].Dir
	w.eventually("both run", func() bool { return len(processesOf(t, dir)) >= 4 })

	if err := w.client.PowerOff(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	w.until(s.ID, vps.Off)
	if left := processesOf(t, dir); len(left) != 0 {
		t.Errorf("processes %v survived", left)
	}
	if err := session.Wait(); err == nil {
		t.Error("the session survived")
	}
	if err := silent.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, silent); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a connection that had not logged in survived")
	}
	for _, to := range []string{address, net.JoinHostPort(s.IPv4.String(), strconv.Itoa(w.port))} {
		if conn, err := net.Dial("tcp", to); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: %v, want connection refused", to, err)
			if err == nil {
				_ = conn.Close()
			}
		}
	}
	if err := w.client.PowerOff(t.Context(), s.ID); err != nil {
		t.Errorf("power off again: %v", err)
	}

	if err := w.client.Reboot(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	w.until(s.ID, vps.Running)
	w.login(s)
	w.eventually("what was up is up again", func() bool { now := page(address); return now != "" && now != before })

	again := page(address)
	if err := w.client.Reboot(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	w.eventually("and after a reboot", func() bool { now := page(address); return now != "" && now != again })
}

func TestCrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.running()
	control := server.Control{URL: w.provider.ControlURL()}
	crash := func(heals bool) {
		t.Helper()
		if err := control.Crash(t.Context(), s.ID, heals); err != nil {
			t.Fatal(err)
		}
		if state, err := w.client.Status(t.Context(), s.ID); err != nil || state != vps.Running {
			t.Errorf("the provider says %s, %v", state, err)
		}
		if _, err := w.dial(s); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a crashed server: %v", err)
		}
		if err := w.client.Reboot(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
	}
	crash(true)
	w.eventually("the reboot brings it back", func() bool {
		client, err := w.dial(s)
		if err != nil {
			return false
		}
		return client.Close() == nil
	})
	w.until(s.ID, vps.Running)
	crash(false)
	w.until(s.ID, vps.Running)
	if _, err := w.dial(s); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a broken server came back: %v", err)
	}
	if err := control.Crash(t.Context(), 1, true); err == nil {
		t.Error("a server that does not exist crashed")
	}
}

func TestBoots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	control := server.Control{URL: w.provider.ControlURL()}
	faults := func(f server.Faults) {
		t.Helper()
		if err := control.SetFaults(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	faults(server.Faults{BootDelay: 300 * time.Millisecond})
	began := time.Now()
	s, err := w.client.Create(t.Context(), w.spec)
	if err != nil || s.State != vps.Starting {
		t.Fatalf("create: %s, %v", s.State, err)
	}
	if _, err := w.dial(s); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("before it has booted: %v", err)
	}
	w.until(s.ID, vps.Running)
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("it booted in %s", took)
	}
	w.login(s)

	faults(server.Faults{NoNetwork: true})
	reboot := func() {
		t.Helper()
		if err := w.client.PowerOff(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		w.until(s.ID, vps.Off)
		if err := w.client.Reboot(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
	}
	reboot()
	w.until(s.ID, vps.Running)
	if _, err := w.dial(s); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("without a network: %v", err)
	}

	faults(server.Faults{NeverBoots: true})
	reboot()
	w.until(s.ID, vps.Starting)
	if err := w.client.PowerOff(t.Context(), s.ID); err != nil {
		t.Fatalf("a server that never boots cannot be stopped: %v", err)
	}
	w.until(s.ID, vps.Off)
	faults(server.Faults{})
	if f, err := control.Faults(t.Context()); err != nil || f.NeverBoots {
		t.Errorf("the faults are %+v, %v", f, err)
	}
}

func TestVolumeFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	volume := w.volume("nbg1")
	w.spec.VolumeID = volume
	first := w.running() // where the volume is, whatever the regions say
	if first.Region != "nbg1" {
		t.Errorf("the server is in %s", first.Region)
	}
	mount := "/mnt/HC_Volume_" + strconv.FormatInt(volume, 10)
	w.run(w.login(first), "echo mail > "+mount+"/box")

	w.spec.Name, w.spec.Labels[vps.LabelAttempt] = "mail-acme-2", "run-2"
	if _, err := w.client.Create(t.Context(), w.spec); !fault.Is(err, fault.ProviderRefused) || !strings.Contains(fault.Of(err).Public, "still attached to server") {
		t.Errorf("a second server for the volume: %v", err)
	}
	if err := w.client.PowerOff(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	w.until(first.ID, vps.Off)
	if err := w.client.DetachVolume(t.Context(), volume); err != nil {
		t.Fatal(err)
	}
	second := w.running()
	client := w.login(second)
	if out := w.run(client, "cat "+mount+"/box"); out != "mail" {
		t.Errorf("the volume holds %q", out)
	}
	if err := w.client.Delete(t.Context(), second.ID); err != nil {
		t.Fatal(err)
	}
	w.until(second.ID, vps.Gone)
	w.spec.Name, w.spec.Labels[vps.LabelAttempt] = "mail-acme-3", "run-3"
	if out := w.run(w.login(w.running()), "cat "+mount+"/box"); out != "mail" {
		t.Errorf("after the delete the volume holds %q", out)
	}
}

// What an earlier provider left behind, killed without a chance to clean up, is ended by the next in the same Dir.
func TestStartEndsWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := w.login(w.running())
	dir := w.provider.Servers()[0].Dir
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start("echo up; exec sleep 300"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	other, err := server.Start(t.Context(), server.Options{Dir: filepath.Dir(filepath.Dir(dir)), SSHPort: freePort(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Stop()
	ended := make(chan error, 1)
	go func() { ended <- session.Wait() }()
	var exit *ssh.ExitError
	select {
	case err = <-ended:
	case <-time.After(time.Minute):
		t.Fatal("the process goes on")
	}
	if !errors.As(err, &exit) || exit.ExitStatus() != 128+int(syscall.SIGKILL) {
		t.Errorf("the process ended with %v", err)
	}
}

func TestStartChecksItsOptions(t *testing.T) {
	t.Parallel()
	if _, err := server.Start(t.Context(), server.Options{Dir: filepath.Join(t.TempDir(), "a b")}); err == nil || !strings.Contains(err.Error(), "shell") {
		t.Errorf("Start: %v", err)
	}
	if _, err := server.Start(t.Context(), server.Options{Dir: t.TempDir(), Listen: "0.0.0.0:0"}); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("Start: %v", err)
	}
}
