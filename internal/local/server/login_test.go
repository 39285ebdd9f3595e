package server_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/penguinmails/disaster-recovery/internal/local/server"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.running()
	client := w.login(s) // with the pinned bootstrap host key and the key that the API was given

	if out := w.run(client, "echo $HOME; pwd; command -v docker"); strings.Count(out, w.provider.Servers()[0].Dir) != 3 {
		t.Errorf("home, directory and docker are %q, want them in the server's directory", out)
	}
	out, err := w.try(client, "echo out; echo err >&2; exit 7")
	var exit *ssh.ExitError
	if !errors.As(err, &exit) || exit.ExitStatus() != 7 || !strings.Contains(out, "out") || !strings.Contains(out, "err") {
		t.Errorf("a failing command: %q, %v", out, err)
	}
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	session.Stdin = strings.NewReader("from afar")
	if out, err := session.Output("cat"); err != nil || string(out) != "from afar" {
		t.Errorf("standard input: %q, %v", out, err)
	}

	stranger, _ := newKey(t)
	w.admin, stranger = stranger, w.admin
	if _, err := w.dial(s); err == nil {
		t.Error("a key that nobody authorised logged in")
	}
	w.admin = stranger
	w.host, _ = newKey(t)
	if _, err := w.dial(s); err == nil || !strings.Contains(err.Error(), "host key mismatch") {
		t.Errorf("another pinned host key: %v", err)
	}
}

func TestOtherHostKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.provider.SetFaults(server.Faults{OtherHostKey: true})
	if _, err := w.dial(w.running()); err == nil || !strings.Contains(err.Error(), "host key mismatch") {
		t.Errorf("the server shows another host key: %v", err)
	}
}

func TestHostKeyIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.running()
	client := w.login(s)
	// Should a command's paths ever be taken for this machine's, the test must end before it changes them.
	if own, dir := w.run(client, "readlink -f /etc/ssh"), w.provider.Servers()[0].Dir; own != filepath.Join(dir, "etc/ssh") {
		t.Fatalf("/etc/ssh of the server is %s", own)
	}
	w.run(client, "rm /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key && systemctl restart ssh")
	if _, err := w.dial(s); err == nil || !strings.Contains(err.Error(), "host key mismatch") {
		t.Errorf("the bootstrap host key is still shown: %v", err)
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(w.run(client, "cat /etc/ssh/ssh_host_ed25519_key.pub")))
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(w.admin)}, HostKeyCallback: ssh.FixedHostKey(public)}
	again, err := ssh.Dial("tcp", net.JoinHostPort(s.IPv4.String(), strconv.Itoa(w.port)), config)
	if err != nil {
		t.Fatalf("the new host key is not shown: %v", err)
	}
	_ = again.Close()
}

func TestFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := w.login(w.running())
	dir := w.provider.Servers()[0].Dir
	files, err := sftp.NewClient(client)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	write := func(name, content string) {
		t.Helper()
		f, err := files.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, content); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := files.MkdirAll("/mailu/dkim"); err != nil {
		t.Fatal(err)
	}
	write("/mailu/dkim/.key.new", "new")
	write("/mailu/dkim/key", "old")
	if err := files.Rename("/mailu/dkim/.key.new", "/mailu/dkim/key"); err == nil {
		t.Error("a plain rename replaced a file")
	}
	if err := files.PosixRename("/mailu/dkim/.key.new", "/mailu/dkim/key"); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "mailu/dkim/key"))
	if err != nil || string(content) != "new" {
		t.Errorf("the file holds %q, %v", content, err)
	}
	if info, err := files.Stat("/mailu/dkim/key"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("stat: %v, %v", info, err)
	}
	if entries, err := files.ReadDir("/mailu/dkim"); err != nil || len(entries) != 1 || entries[0].Name() != "key" {
		t.Errorf("list: %v, %v", entries, err)
	}
	if _, err := files.Stat("/mailu/none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if out := w.run(client, "cat /mailu/dkim/key"); out != "new" {
		t.Errorf("a command reads %q at the same path", out)
	}
	// Neither `..` nor a link leads out.
	if err := os.Symlink("/etc", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/out/hostname", "/../../../../../../../../../../etc/passwd"} {
		if f, err := files.Open(name); err == nil {
			_ = f.Close()
			t.Errorf("%s leads out of the server", name)
		}
	}
}
