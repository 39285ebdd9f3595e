//go:build platform

package world_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/local/world"
)

func TestADetachedWorldIsFoundAgain(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "world")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	provider := server.Options{Dir: t.TempDir(), Token: "token", Program: binary}
	if _, err := world.Detach(t.Context(), binary, provider, nil); err == nil || !strings.Contains(err.Error(), "AWS_ENDPOINT_URL is missing") {
		t.Errorf("without an engine: %v", err)
	}
	for name, end := range map[string]unix.Signal{"stopped": 0, "killed": unix.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			started, err := world.Detach(t.Context(), binary, provider, []string{"AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_REGION=us-east-1"})
			if err != nil {
				t.Fatal(err)
			}
			record, err := json.Marshal(started)
			if err != nil {
				t.Fatal(err)
			}
			var d world.Detached
			if err := json.Unmarshal(record, &d); err != nil {
				t.Fatal(err)
			}
			answers(t, d.Place)
			if end != 0 {
				if err := unix.Kill(d.Process.PID, end); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if err := d.Stop(); err != nil {
					t.Error(err)
				}
			}
			if d.Process.Running() {
				t.Error("it still runs")
			}
			gone(t, d.Place)
		})
	}
}
