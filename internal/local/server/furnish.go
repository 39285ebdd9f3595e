package server

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	_ "embed"

	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// Files of a server, relative to its root directory, which is also root's home.
const (
	hostKeyFile    = "etc/ssh/ssh_host_ed25519_key"
	authorizedFile = ".ssh/authorized_keys"
	engineDir      = "run/engine"
)

// callEngine is `docker` and `systemctl` on a server.
//
//go:embed call-engine.sh
var callEngine []byte

// mountpoint is the command of that name: a mounted volume is a link here that leads somewhere.
const mountpoint = "#!/bin/sh\nfor last; do :; done\n[ -L \"$last\" ] && [ -d \"$last\" ]\n"

// newMachine makes a server that was never on; called with p.mu held.
func (p *Provider) newMachine(body schema.ServerCreateRequest, authorized []string) (*machine, error) {
	address, reservation, err := reserve(p.o.SSHPort)
	if err != nil {
		return nil, err
	}
	m := &machine{
		id: p.newID(), name: body.Name, kind: body.ServerType.Name, region: body.Location, image: body.Image.Name,
		address: address, reservation: reservation, ptr: defaultPtr(address), port: p.o.SSHPort, program: p.o.Program, dial: p.o.Dial,
		created: now(), logf: p.log.Printf, note: p.noteCommand, shut: func() bool { return p.Faults().OutboundShut }, status: statusInitializing, wanted: map[string]bool{},
	}
	if body.Labels != nil {
		m.labels = maps.Clone(*body.Labels)
	}
	m.dir = p.serverDir(m.id)
	if err := m.furnish(body.UserData, authorized); err != nil {
		return nil, errors.Join(err, reservation.Close(), os.RemoveAll(m.dir))
	}
	return m, nil
}

// defaultPtr is what the provider answers for an address that nobody named.
func defaultPtr(address string) string {
	return "static." + strings.ReplaceAll(address, ".", "-") + ".clients.your-server.de"
}

// reserve finds a 127.0.0.N, N from 10 on, that no provider on this machine uses and whose SSH port is free. The
// reservation is a name that the kernel gives to one process only, and takes back when it ends.
func reserve(port int) (string, net.Listener, error) {
	for n := 10; n < 255; n++ {
		address := fmt.Sprintf("127.0.0.%d", n)
		reservation, err := net.Listen("unix", "@pmdr-server-"+address)
		if err != nil {
			continue
		}
		probe, err := net.Listen("tcp", fmt.Sprintf("%s:%d", address, port))
		if err == nil {
			return address, reservation, unlisten(probe)
		}
		_ = reservation.Close()
		if errors.Is(err, os.ErrPermission) {
			return "", nil, fmt.Errorf("servers listen for SSH on port %d: %w", port, err)
		}
	}
	return "", nil, fmt.Errorf("no address of 127.0.0.10 to 127.0.0.254 has a free port %d", port)
}

// release gives the address back.
func (m *machine) release() { _ = m.reservation.Close() }

// furnish makes the server's file system: what the image brings and what cloud-init does on the first boot.
func (m *machine) furnish(userData string, authorized []string) error {
	for _, dir := range []string{"bin", "etc/ssh", ".ssh", "mnt", "var/log", engineDir} {
		if err := os.MkdirAll(m.path(dir), 0o755); err != nil {
			return err
		}
	}
	init, err := parseUserData(userData)
	if err != nil {
		m.logf("server %d: user-data: %v", m.id, err) // as on a real one: it boots without
	}
	hostKey := init.HostKeys["ed25519_private"]
	if hostKey == "" {
		if hostKey, err = newHostKey(); err != nil {
			return err
		}
	}
	system, version, _ := strings.Cut(m.image, "-")
	files := []file{
		{"bin/docker", string(callEngine), 0o755}, {"bin/systemctl", string(callEngine), 0o755}, {"bin/mountpoint", mountpoint, 0o755},
		{"etc/os-release", fmt.Sprintf("ID=%s\nVERSION_ID=%q\n", system, version), 0o644},
		{hostKeyFile, hostKey, 0o600},
		{authorizedFile, strings.Join(append(authorized, init.authorized()...), "\n") + "\n", 0o600},
	}
	// root's home is the root directory, and /root leads there.
	if err := os.Symlink(".", m.path("root")); err != nil {
		return err
	}
	if err := unix.Mkfifo(m.path(engineDir+"/calls"), 0o600); err != nil {
		return err
	}
	root, err := os.OpenRoot(m.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range append(files, init.files()...) {
		if err := f.write(root); err != nil {
			return err
		}
	}
	m.firstBoot = init.Commands
	return init.mount(root)
}

// path is where a file of the server lies on this machine.
func (m *machine) path(name string) string { return filepath.Join(m.dir, name) }

// file is one to write into a server.
type file struct {
	name, content string
	mode          os.FileMode
}

// write holds off the start of children: one would keep the file open for writing until it has become another program, and
// Linux executes no file that is (ETXTBSY).
func (f file) write(root *os.Root) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	name := strings.TrimPrefix(filepath.Clean("/"+f.name), "/")
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := root.WriteFile(name, []byte(f.content), f.mode); err != nil {
		return err
	}
	return root.Chmod(name, f.mode) // whatever the umask says
}

func newHostKey() (string, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(block)), nil
}
