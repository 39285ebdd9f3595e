package server

import (
	"encoding/base64"
	"errors"
	"os"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// cloudConfig is the part of cloud-init's configuration that a server here obeys. Packages are left out: docker is there.
// https://docs.cloud-init.io/en/latest/reference/modules.html
type cloudConfig struct {
	HostKeys       map[string]string `yaml:"ssh_keys"` // ed25519_private, ed25519_public
	AuthorizedKeys []string          `yaml:"ssh_authorized_keys"`
	Users          []cloudUser       `yaml:"users"`
	WriteFiles     []cloudFile       `yaml:"write_files"`
	Mounts         [][]string        `yaml:"mounts"` // device, directory, …
	Commands       []cloudCommand    `yaml:"runcmd"` // once, at the end of the first boot, when SSH answers already
}

// cloudCommand is a line for the shell, or a list of words.
type cloudCommand string

func (c *cloudCommand) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*c = cloudCommand(node.Value)
		return nil
	}
	var words []string
	if err := node.Decode(&words); err != nil {
		return err
	}
	for i, word := range words {
		words[i] = quote(word)
	}
	*c = cloudCommand(strings.Join(words, " "))
	return nil
}

// cloudUser is an account; "default" alone stands for the image's own.
type cloudUser struct {
	Name           string   `yaml:"name"`
	AuthorizedKeys []string `yaml:"ssh_authorized_keys"`
}

func (u *cloudUser) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		u.Name = node.Value
		return nil
	}
	type plain cloudUser
	return node.Decode((*plain)(u))
}

type cloudFile struct {
	Path        string `yaml:"path"`
	Content     string `yaml:"content"`
	Encoding    string `yaml:"encoding"` // "b64" or "base64"; else plain
	Permissions string `yaml:"permissions"`
}

func parseUserData(text string) (cloudConfig, error) {
	var c cloudConfig
	if text == "" {
		return c, nil
	}
	if !strings.HasPrefix(text, "#cloud-config") {
		return c, errors.New("only #cloud-config is understood here")
	}
	err := yaml.Unmarshal([]byte(text), &c)
	return c, err
}

// authorized are root's keys: the only account here.
func (c cloudConfig) authorized() []string {
	keys := c.AuthorizedKeys
	for _, user := range c.Users {
		if user.Name == "root" {
			keys = append(keys, user.AuthorizedKeys...)
		}
	}
	return keys
}

// volumeDevice is where the provider's volumes appear.
const volumeDevice = "/dev/disk/by-id/scsi-0HC_Volume_"

// mount leads the directories of mounted volumes to where the provider puts them; a volume that is not there leaves its
// directory missing.
func (c cloudConfig) mount(root *os.Root) error {
	for _, m := range c.Mounts {
		if len(m) < 2 {
			continue
		}
		id, ok := strings.CutPrefix(m[0], volumeDevice)
		if at := inside(m[1]); ok && !strings.Contains(at, "/") {
			if err := root.Symlink("mnt/HC_Volume_"+id, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// runCommands does what cloud-init does last, and stops when the power goes.
func (m *machine) runCommands(commands []cloudCommand) {
	log, err := os.OpenFile(m.path("var/log/cloud-init-output.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		m.logf("server %d: %v", m.id, err)
		return
	}
	defer log.Close()
	for _, command := range commands {
		cmd, err := m.shell(string(command))
		if err != nil {
			m.logf("server %d: runcmd: %v", m.id, err)
			continue
		}
		cmd.Stdout, cmd.Stderr = log, log
		err = m.launch(cmd)
		if errors.Is(err, errNoPower) {
			return
		}
		if err == nil {
			err = cmd.Wait()
		}
		if err != nil {
			m.logf("server %d: runcmd: %v", m.id, err)
		}
	}
}

func (c cloudConfig) files() []file {
	var files []file
	for _, f := range c.WriteFiles {
		out := file{f.Path, f.Content, 0o644}
		if mode, err := strconv.ParseUint(f.Permissions, 8, 32); err == nil {
			out.mode = os.FileMode(mode)
		}
		if f.Encoding == "b64" || f.Encoding == "base64" {
			if data, err := base64.StdEncoding.DecodeString(f.Content); err == nil {
				out.content = string(data)
			}
		}
		files = append(files, out)
	}
	return files
}
