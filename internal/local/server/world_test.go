package server_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-project" {
		beProgram()
	}
	os.Exit(m.Run())
}

// beProgram is the program of a compose project: a page at the server's address, on the port that the project's env
// file names. With -exec it is a command in one of its services.
func beProgram() {
	project := flag.String("project", "", "")
	service := flag.String("exec", "", "")
	flag.Parse()
	if *service != "" {
		fmt.Println(*service, flag.Args())
		_, _ = io.Copy(os.Stdout, os.Stdin)
		os.Exit(0)
	}
	env, err := os.ReadFile(filepath.Join(*project, "mailu.env"))
	if err != nil {
		panic(err)
	}
	port := strings.TrimSpace(strings.TrimPrefix(string(env), "PORT="))
	child := exec.Command("sleep", "300") // something that a careless end of the program alone would leave
	if err := child.Start(); err != nil {
		panic(err)
	}
	fmt.Println("serving", *project)
	panic(http.ListenAndServe(os.Getenv("SERVER_ADDRESS")+":"+port, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "pid ", os.Getpid())
	})))
}

// world is a provider, a client of it, and an administrator with a key.
type world struct {
	*testing.T
	provider *server.Provider
	client   *vps.Provider
	port     int
	admin    ssh.Signer
	host     ssh.Signer // bootstrap host key of every server
	spec     vps.Spec
}

const token = "local-token"

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, nil)
}

// newWorldWith has tunnels that are connected by dial.
func newWorldWith(t *testing.T, dial func(context.Context, string) (net.Conn, error)) *world {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, port: freePort(t)}
	dir := t.TempDir()
	w.provider, err = server.Start(t.Context(), server.Options{Dir: dir, Token: token, SSHPort: w.port, Program: self, Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.provider.Stop(); err != nil {
			t.Error(err)
		}
		if left := processesOf(t, dir); len(left) > 0 {
			t.Errorf("processes %v are left", left)
		}
	})
	w.client, err = vps.New(vps.Options{Token: secret.New(token), Endpoint: w.provider.Endpoint(), Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var hostKey string
	w.admin, _ = newKey(t)
	w.host, hostKey = newKey(t)
	w.spec = vps.Spec{
		TenantID: "acme", Name: "mail-acme-1", Type: "cx32", Image: "debian-12", Regions: []string{"fsn1", "nbg1"},
		SSHKey:   string(ssh.MarshalAuthorizedKey(w.admin.PublicKey())),
		UserData: secret.New("#cloud-config\nssh_keys:\n  ed25519_private: |\n    " + strings.ReplaceAll(strings.TrimSpace(hostKey), "\n", "\n    ") + "\n"),
		Labels:   map[string]string{vps.LabelRole: "mail", vps.LabelAttempt: "run-1"},
	}
	return w
}

func newKey(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, string(pem.EncodeToMemory(block))
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// running makes a server and waits until it runs.
func (w *world) running() vps.Server {
	w.Helper()
	s, err := w.client.Create(w.Context(), w.spec)
	if err != nil {
		w.Fatal(err)
	}
	w.until(s.ID, vps.Running)
	return s
}

func (w *world) until(id int64, state vps.State) {
	w.Helper()
	w.eventually("the server is "+string(state), func() bool {
		s, err := w.client.Status(w.Context(), id)
		if err != nil {
			w.Fatal(err)
		}
		return s == state
	})
}

func (w *world) eventually(what string, holds func() bool) {
	w.Helper()
	deadline := time.After(time.Minute)
	for !holds() {
		select {
		case <-deadline:
			w.Fatalf("not within a minute: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (w *world) dial(s vps.Server) (*ssh.Client, error) {
	return ssh.Dial("tcp", net.JoinHostPort(s.IPv4.String(), strconv.Itoa(w.port)), &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(w.admin)}, HostKeyCallback: ssh.FixedHostKey(w.host.PublicKey()), Timeout: 5 * time.Second,
	})
}

func (w *world) login(s vps.Server) *ssh.Client {
	w.Helper()
	client, err := w.dial(s)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = client.Close() })
	return client
}

// run runs a command that must succeed, and returns what it printed.
func (w *world) run(client *ssh.Client, command string) string {
	w.Helper()
	out, err := w.try(client, command)
	if err != nil {
		w.Fatalf("%s: %v: %s", command, err, out)
	}
	return strings.TrimSpace(out)
}

func (w *world) try(client *ssh.Client, command string) (string, error) {
	w.Helper()
	session, err := client.NewSession()
	if err != nil {
		w.Fatal(err)
	}
	defer session.Close()
	out, err := session.CombinedOutput(command)
	return string(out), err
}

// install writes a compose project as a recovery does, and returns the port that its page is on.
func (w *world) install(client *ssh.Client) int {
	w.Helper()
	files, err := sftp.NewClient(client)
	if err != nil {
		w.Fatal(err)
	}
	defer files.Close()
	port := freePort(w.T)
	if err := files.MkdirAll("/mailu"); err != nil {
		w.Fatal(err)
	}
	for name, content := range map[string]string{
		"/mailu/docker-compose.yml": "services:\n  admin: {restart: always, env_file: mailu.env}\n  front: {restart: always, env_file: [mailu.env]}\n",
		"/mailu/mailu.env":          "PORT=" + strconv.Itoa(port) + "\n",
	} {
		f, err := files.Create(name)
		if err != nil {
			w.Fatal(err)
		}
		if _, err := io.WriteString(f, content); err != nil {
			w.Fatal(err)
		}
		if err := f.Close(); err != nil {
			w.Fatal(err)
		}
	}
	return port
}

// page fetches what the program serves; empty if nobody listens.
func page(address string) string {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + address)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return string(text)
}

// processesOf lists the processes whose working directory or arguments lie in dir, by their own account.
func processesOf(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		cwd, _ := os.Readlink(filepath.Join(entry, "cwd"))
		if strings.HasPrefix(cwd, dir) {
			found = append(found, filepath.Base(entry))
		}
	}
	return found
}

func firstLine(text string) string {
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Scan()
	return lines.Text()
}

// volume makes a volume, as an operator does.
func (w *world) volume(region string) int64 {
	w.Helper()
	client := hcloud.NewClient(hcloud.WithEndpoint(w.provider.Endpoint()), hcloud.WithToken(token))
	result, _, err := client.Volume.Create(w.Context(), hcloud.VolumeCreateOpts{Name: "mail", Size: 10, Location: &hcloud.Location{Name: region}})
	if err != nil {
		w.Fatal(err)
	}
	return result.Volume.ID
}
