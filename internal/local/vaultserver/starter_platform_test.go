//go:build platform

package vaultserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"
)

// starterEnv makes the test binary start one node with these options (JSON), print its Record, and end.
const starterEnv = "VAULTSERVER_TEST_STARTER"

func TestMain(m *testing.M) {
	text, asked := os.LookupEnv(starterEnv)
	if !asked {
		os.Exit(m.Run())
	}
	if err := startAndLeave(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func startAndLeave(text string) error {
	var o Options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	n, err := Start(context.Background(), o)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(n.Record())
}

// startedElsewhere has another process start a node and end, and attaches to what it recorded.
func startedElsewhere(t *testing.T, o Options) *Node {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	starter := exec.CommandContext(t.Context(), self)
	starter.Env = append(os.Environ(), starterEnv+"="+string(text))
	output, err := starter.Output()
	if err != nil {
		t.Fatalf("starter: %v", err)
	}
	var r Record
	if err := json.Unmarshal(output, &r); err != nil {
		t.Fatal(err)
	}
	n := Attach(r)
	t.Cleanup(func() {
		if err := n.Kill(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func TestDetachedNodeIsStoppedByAnotherProcess(t *testing.T) {
	o := options(t)
	o.Attached = false
	n := startedElsewhere(t, o)
	want(t, "its starter ended", status(t, n), http.StatusNotImplemented)

	stranger := n.Record()
	stranger.Process.StartTime--
	if err := Attach(stranger).Kill(); err != nil {
		t.Fatal(err)
	}
	if !n.Running() {
		t.Fatal("a node was killed by a record of an earlier process with its pid")
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if n.Running() {
		t.Error("a stopped node is running")
	}
	want(t, "started again by this process", status(t, up(t, n.Options())), http.StatusNotImplemented)
}

func TestAttachedNodeDiesWithItsStarter(t *testing.T) {
	n := startedElsewhere(t, options(t))
	eventually(t, "the node dies", func() bool { return !n.Running() })
}
