package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets the test's own binary be the command.
func TestMain(m *testing.M) {
	if os.Getenv("BE_THE_COMMAND") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func command(t *testing.T, env string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	image := "image: mailu/x:2024.06"
	compose := fmt.Sprintf("services:\n  front: {%s, ports: ['80:80']}\n  admin: {%[1]s}\n  imap: {%[1]s}\n  smtp: {%[1]s}\n", image)
	for name, text := range map[string]string{"mailu.env": env, "docker-compose.yml": compose} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(os.Args[0], "-project", dir)
	c.Env = append(os.Environ(), "BE_THE_COMMAND=1", "MAILU_PORT_OFFSET=20000")
	return c
}

const good = "SECRET_KEY=0123456789ABCDEF\nDOMAIN=example.com\nHOSTNAMES=mail.example.com\nPOSTMASTER=admin\nMAILU_VERSION=2024.06\n"

func TestRunsUntilTold(t *testing.T) {
	address := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(250), 1+rand.IntN(250))
	c := command(t, good+"BIND_ADDRESS4="+address+"\n")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		t.Errorf("it says %q, %v", line, err)
	} else if got, err := http.Get("http://" + address + ":28080/ping"); err != nil || got.StatusCode != 200 {
		t.Errorf("ping: %v", err)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("told to end: %v", err)
	}
}

func TestSaysWhatIsMissing(t *testing.T) {
	out, err := command(t, strings.Replace(good, "SECRET_KEY", "SECRET", 1)).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || string(out) != "mailu-standin: mailu.env: SECRET_KEY is not set\n" {
		t.Errorf("%v: %s", err, out)
	}
}
