package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestDockerCompose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.running()
	client := w.login(s)
	if out, err := w.try(client, "docker compose -f /mailu/docker-compose.yml up -d"); err == nil || !strings.Contains(out, "no configuration file") {
		t.Errorf("up without a compose file: %q, %v", out, err)
	}
	port := w.install(client)
	address := net.JoinHostPort(s.IPv4.String(), strconv.Itoa(port))
	if out, err := w.try(client, "cd /mailu && docker compose exec -T admin true"); err == nil || !strings.Contains(out, "is not running") {
		t.Errorf("exec before up: %q, %v", out, err)
	}
	w.run(client, "cd /mailu && docker compose up -d")
	w.eventually("the program serves", func() bool { return page(address) != "" })
	first := page(address)
	w.run(client, "docker compose -f /mailu/docker-compose.yml up -d")
	if again := page(address); again != first {
		t.Errorf("up of what runs: %q became %q", first, again)
	}
	if out := w.run(client, "cd /mailu && docker compose ps --services"); out != "admin\nfront" {
		t.Errorf("ps: %q", out)
	}
	if out := w.run(client, "cd /mailu && echo in | docker compose exec -T admin flask 'mailu it'\\''s'"); out != "admin [flask mailu it's]\nin" {
		t.Errorf("exec: %q", out)
	}
	if out := w.run(client, "docker compose --file /mailu/docker-compose.yml exec -T front doveadm -c /etc/dovecot/proxy.conf </dev/null"); firstLine(out) != "front [doveadm -c /etc/dovecot/proxy.conf]" {
		t.Errorf("exec with a path of the container's: %q", out)
	}
	if out := w.run(client, "cd /mailu && docker compose logs"); !strings.HasPrefix(firstLine(out), "serving ") {
		t.Errorf("logs: %q", out)
	}

	// Through the tunnel, the server's loopback is its own.
	tunnelled := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return client.DialContext(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port))
	}}}
	response, err := tunnelled.Get("http://mailu/")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || string(text) != first {
		t.Errorf("through the tunnel: %q, %v", text, err)
	}
	tunnelled.CloseIdleConnections()
	if conn, err := client.Dial("tcp", "192.0.2.1:25"); err == nil {
		_ = conn.Close()
		t.Error("the tunnel leads off this machine")
	}

	w.run(client, "docker compose --file /mailu/docker-compose.yml --env-file /mailu/mailu.env up --detach --force-recreate --quiet-pull --remove-orphans")
	w.eventually("a recreated one serves", func() bool { now := page(address); return now != "" && now != first })
	recreated := page(address)
	w.run(client, "cd /mailu && docker compose restart front")
	w.eventually("another process serves", func() bool { now := page(address); return now != "" && now != recreated })
	if out, err := w.try(client, "cd /mailu && docker compose restart nobody"); err == nil || !strings.Contains(out, "no such service") {
		t.Errorf("restart of an unknown service: %q, %v", out, err)
	}
	// restart: always
	var pid int
	second := page(address)
	if _, err := fmt.Sscanf(second, "pid %d", &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.eventually("it is started again", func() bool { now := page(address); return now != "" && now != second })

	// What changed files take effect.
	third := page(address)
	w.run(client, "cd /mailu && echo '# changed' >> docker-compose.yml && docker compose up -d")
	w.eventually("a new one serves", func() bool { now := page(address); return now != "" && now != third })

	w.run(client, "cd /mailu && docker compose down")
	if now := page(address); now != "" {
		t.Errorf("after down: %q", now)
	}
	if out := w.run(client, "cd /mailu && docker compose ps -q"); out != "" {
		t.Errorf("ps after down: %q", out)
	}
	w.run(client, "rm /mailu/mailu.env")
	if out, err := w.try(client, "cd /mailu && docker compose up -d"); err == nil || !strings.Contains(out, "env file mailu.env not found") {
		t.Errorf("up without the env file: %q, %v", out, err)
	}
	if calls, err := os.ReadDir(w.provider.Servers()[0].Dir + "/run/engine"); err != nil || len(calls) != 1 {
		t.Errorf("calls are left: %v, %v", calls, err)
	}
}
