//go:build platform

package server_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

// However the provider's process ends, no process of a server outlives it.
func TestCommand(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "provider")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../world/cmd").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			w := newWorld(t) // for its keys; its provider has no servers
			dir := t.TempDir()
			process := exec.CommandContext(t.Context(), binary, "-dir", dir, "-ssh-port", strconv.Itoa(w.port), "-program", self)
			process.Env = append(os.Environ(), "PROVIDER_TOKEN="+token, "AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_REGION=us-east-1")
			process.Stderr = os.Stderr
			stdout, err := process.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := process.Start(); err != nil {
				t.Fatal(err)
			}
			var ready struct{ Provider, Control string }
			if err := json.NewDecoder(stdout).Decode(&ready); err != nil {
				t.Fatal(err)
			}
			if w.client, err = vps.New(vps.Options{Token: secret.New(token), Endpoint: ready.Provider, Timeout: 5 * time.Second}); err != nil {
				t.Fatal(err)
			}
			s := w.running()
			if infos, err := (server.Control{URL: ready.Control}).Servers(t.Context()); err != nil || len(infos) != 1 || infos[0].ID != s.ID {
				t.Errorf("servers: %v, %v", infos, err)
			}
			client := w.login(s)
			port := w.install(client)
			w.run(client, "cd /mailu && docker compose up -d")
			address := net.JoinHostPort(s.IPv4.String(), strconv.Itoa(port))
			w.eventually("the program serves", func() bool { return page(address) != "" })
			if err := process.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := process.Wait(); signal == syscall.SIGTERM && err != nil {
				t.Error(err)
			}
			if signal == syscall.SIGTERM && len(processesOf(t, dir)) != 0 {
				t.Errorf("processes %v are left", processesOf(t, dir))
			}
			w.eventually("the program has ended", func() bool { return page(address) == "" })
			// What the program had started itself a killed provider leaves; the next one in the directory ends it.
			next, err := server.Start(t.Context(), server.Options{Dir: dir, SSHPort: w.port})
			if err != nil {
				t.Fatal(err)
			}
			if left := processesOf(t, dir); len(left) != 0 {
				t.Errorf("processes %v are left", left)
			}
			if err := next.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}
