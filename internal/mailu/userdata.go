package mailu

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/ssh"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// PreparedMarker is there once the user-data has done its work.
const PreparedMarker = "/var/lib/penguinmails/prepared"

// Machine is what a bare server is told at its first boot. The provider can read it, and so can whoever gets at the
// metadata service: nothing in it may be secret for longer than until the first login.
type Machine struct {
	// HostKey is the bootstrap host key, ed25519 in OpenSSH PEM form, and HostKeyPublic its public line. They make the
	// first login safe against everybody but the provider, and are replaced by it.
	HostKey       secret.String
	HostKeyPublic string
	// AuthorizedKey is the public line of the key that logs in as root.
	AuthorizedKey string
	// VolumeID is the provider's id of the volume with the mailboxes; empty where there is none.
	VolumeID string
}

// volumeID is a number at Hetzner.
var volumeID = regexp.MustCompile(`^[0-9]*$`)

//go:embed templates/penguinmails-metadata.service
var metadataUnit string

// cloudConfig is the part of cloud-init's configuration that is used, in the order in which it is written.
type cloudConfig struct {
	PasswordLogin bool              `yaml:"ssh_pwauth"`
	DisableRoot   bool              `yaml:"disable_root"`
	DeleteKeys    bool              `yaml:"ssh_deletekeys"`
	GenerateKeys  []string          `yaml:"ssh_genkeytypes"`
	HostKeys      map[string]string `yaml:"ssh_keys"`
	Users         []cloudUser       `yaml:"users"`
	Mounts        [][]string        `yaml:"mounts,omitempty"`
	UpdateIndex   bool              `yaml:"package_update"`
	Packages      []string          `yaml:"packages"`
	WriteFiles    []cloudFile       `yaml:"write_files"`
	Run           []string          `yaml:"runcmd"`
}

type cloudUser struct {
	Name           string   `yaml:"name"`
	AuthorizedKeys []string `yaml:"ssh_authorized_keys"`
}

type cloudFile struct {
	Path        string `yaml:"path"`
	Permissions string `yaml:"permissions"`
	Content     string `yaml:"content"`
}

// UserData is the cloud-init configuration of a new server (Ubuntu 24.04): docker with compose, the bootstrap host key
// as the only one, the volume at /mailu, and the metadata service out of the containers' reach. The marker comes last,
// and only when everything before it has worked.
func (m Machine) UserData() (string, error) {
	hostKey, err := publicLine(m.HostKeyPublic)
	if err != nil {
		return "", err
	}
	login, err := publicLine(m.AuthorizedKey)
	if err != nil {
		return "", err
	}
	private, err := ssh.ParsePrivateKey([]byte(m.HostKey.Reveal()))
	if err != nil || strings.TrimSpace(string(ssh.MarshalAuthorizedKey(private.PublicKey()))) != hostKey {
		return "", fault.InvalidInput.Tellf("the bootstrap host key is no key, or not the one of its public line")
	}
	if !volumeID.MatchString(m.VolumeID) {
		return "", fault.InvalidInput.Tellf("the volume id is no number")
	}
	c := cloudConfig{
		DeleteKeys:   true,
		GenerateKeys: []string{},
		HostKeys:     map[string]string{"ed25519_private": m.HostKey.Reveal(), "ed25519_public": hostKey + "\n"},
		Users:        []cloudUser{{"root", []string{login}}},
		UpdateIndex:  true,
		Packages:     []string{"docker.io", "docker-compose-v2", "iptables"},
		WriteFiles:   []cloudFile{{"/etc/systemd/system/penguinmails-metadata.service", "0644", metadataUnit}},
		Run: []string{strings.Join([]string{
			"systemctl daemon-reload",
			"systemctl enable --now docker",
			"systemctl enable --now penguinmails-metadata",
			"install -d -m 0700 " + home + " /var/lib/penguinmails",
			"touch " + PreparedMarker,
		}, " && ")},
	}
	if m.VolumeID != "" {
		device := "/dev/disk/by-id/scsi-0HC_Volume_" + m.VolumeID
		c.Mounts = [][]string{{device, home, "auto", "defaults,discard,nofail", "0", "0"}}
		// nofail lets the server boot without its volume; it must not pass for prepared then.
		c.Run[0] = "mountpoint " + home + " && " + c.Run[0]
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		return "", fault.Unexpected.Errorf("user-data: %w", err)
	}
	return fmt.Sprintf("#cloud-config\n%s", text), nil
}

// publicLine is an authorized_keys line without its comment.
func publicLine(line string) (string, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return "", fault.InvalidInput.Tellf("a public key is not of the form \"ssh-ed25519 AAAA…\"")
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), nil
}
