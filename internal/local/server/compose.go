package server

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"
)

func itoa(n int) string { return strconv.Itoa(n) }

// composition is what a compose file says, as far as it matters here.
type composition struct {
	services []string
	restarts bool   // some service says `restart: always` or `unless-stopped`
	print    string // of the compose file and the env files: what they said when the project came up
}

// read reads the compose file of a project, and the env files that it names.
func (e *engine) read(dir string) (composition, error) {
	var data []byte
	err := error(os.ErrNotExist)
	for _, name := range []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"} {
		if data, err = os.ReadFile(filepath.Join(dir, name)); err == nil {
			break
		}
	}
	if err != nil {
		return composition{}, errors.New("no configuration file provided: not found")
	}
	var said struct {
		Services map[string]struct {
			Restart string   `yaml:"restart"`
			EnvFile envFiles `yaml:"env_file"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal(data, &said); err != nil {
		return composition{}, errors.New("yaml: the compose file cannot be read")
	}
	if len(said.Services) == 0 {
		return composition{}, errors.New("no service selected")
	}
	c, hash := composition{}, sha256.New()
	hash.Write(data)
	for name, service := range said.Services {
		c.services = append(c.services, name)
		c.restarts = c.restarts || service.Restart == "always" || service.Restart == "unless-stopped"
	}
	slices.Sort(c.services)
	for _, name := range c.services {
		for _, env := range said.Services[name].EnvFile {
			data, err := os.ReadFile(e.resolve(dir, env))
			if err != nil {
				return composition{}, fmt.Errorf("env file %s not found", env)
			}
			hash.Write(data)
		}
	}
	c.print = fmt.Sprintf("%x", hash.Sum(nil))
	return c, nil
}

// envFiles is one name or a list of them.
type envFiles []string

func (f *envFiles) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*f = envFiles{node.Value}
		return nil
	}
	return node.Decode((*[]string)(f))
}

// resolve finds a path that a command or file on the server names. The shell's paths are this machine's already.
func (e *engine) resolve(dir, name string) string {
	switch {
	case !filepath.IsAbs(name):
		return filepath.Join(dir, name)
	case name == e.m.dir || strings.HasPrefix(name, e.m.dir+"/"):
		return name
	}
	return e.m.path(name)
}

// compose answers `docker compose`: up -d, down, stop, restart, ps, exec, logs, pull, version.
func (e *engine) compose(dir string, words []string) string {
	for len(words) > 1 && strings.HasPrefix(words[0], "-") {
		flag, value, joined := strings.Cut(words[0], "=")
		words = words[1:]
		if slices.Contains([]string{"--compatibility", "--dry-run", "--verbose", "--all-resources"}, flag) {
			continue
		}
		if !joined {
			value, words = words[0], words[1:]
		}
		switch flag {
		case "-f", "--file":
			dir = filepath.Dir(e.resolve(dir, value))
		case "--project-directory":
			dir = e.resolve(dir, value)
		}
	}
	if len(words) == 0 {
		return fails(1, "docker compose: a command is missing")
	}
	command, words := words[0], words[1:]
	if command == "version" {
		return says("Docker Compose version v2.29.7")
	}
	c, err := e.read(dir)
	if err != nil {
		return fails(1, err.Error())
	}
	named := slices.DeleteFunc(slices.Clone(words), func(word string) bool { return strings.HasPrefix(word, "-") })
	if unknown := slices.IndexFunc(named, func(name string) bool { return !slices.Contains(c.services, name) }); unknown >= 0 && command != "exec" && command != "ps" {
		return fails(1, "no such service: "+named[unknown])
	}
	switch command {
	case "pull":
		return ""
	case "up":
		if !slices.Contains(words, "-d") && !slices.Contains(words, "--detach") {
			return fails(1, "docker compose up: only -d is known here")
		}
		done, err := e.up(dir, slices.Contains(words, "--force-recreate"))
		if err != nil {
			return fails(1, "Error response from daemon: "+err.Error())
		}
		return says(" Container " + filepath.Base(dir) + "  " + done)
	case "restart":
		e.end(dir, syscall.SIGTERM)
		if _, err := e.up(dir, false); err != nil {
			return fails(1, "Error response from daemon: "+err.Error())
		}
		return ""
	case "down", "stop":
		e.end(dir, syscall.SIGTERM)
		return ""
	case "ps":
		return e.list(dir, c, words)
	case "logs":
		return "cat " + quote(e.logFile(dir)) + " 2>/dev/null"
	case "exec":
		return e.exec(dir, c, words)
	}
	return fails(1, "unknown docker command: \"compose "+command+"\"")
}

// list answers ps: all services run or none, for they are one program here.
func (e *engine) list(dir string, c composition, words []string) string {
	if !e.running(dir) {
		c.services = nil
	}
	project := filepath.Base(dir)
	var lines []string
	switch all := strings.Join(words, " "); {
	case slices.Contains(words, "-q") || slices.Contains(words, "--quiet"):
		for _, name := range c.services {
			lines = append(lines, fmt.Sprintf("%x", sha256.Sum256([]byte(dir+"/"+name))))
		}
	case slices.Contains(words, "--services"):
		lines = c.services
	case strings.Contains(all, "json"):
		for _, name := range c.services {
			line, err := json.Marshal(map[string]any{"Name": project + "-" + name + "-1", "Project": project, "Service": name, "State": "running", "Health": "", "ExitCode": 0})
			if err == nil {
				lines = append(lines, string(line))
			}
		}
	default:
		lines = append(lines, "NAME\tSERVICE\tSTATUS")
		for _, name := range c.services {
			lines = append(lines, project+"-"+name+"-1\t"+name+"\tUp")
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return says(strings.Join(lines, "\n"))
}

// exec answers `exec [-T] SERVICE COMMAND…`: the program itself runs the command, as
// `PROGRAM -project DIR -exec SERVICE -- COMMAND…`, with the caller's standard input and output.
func (e *engine) exec(dir string, c composition, words []string) string {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		takesValue := slices.Contains([]string{"-e", "--env", "-u", "--user", "-w", "--workdir", "--index"}, words[0])
		words = words[1:]
		if takesValue && len(words) > 0 {
			words = words[1:]
		}
	}
	switch {
	case len(words) < 2:
		return fails(1, "requires at least 2 arg(s), only received "+itoa(len(words)))
	case !slices.Contains(c.services, words[0]) || !e.running(dir):
		return fails(1, "service \""+words[0]+"\" is not running")
	}
	script := "exec " + quote(e.m.program) + " -project " + quote(dir) + " -exec " + quote(words[0]) + " --"
	for _, word := range words[1:] {
		// The shell has made the server's paths of what are the container's.
		script += " " + quote(strings.ReplaceAll(word, e.m.dir+"/", "/"))
	}
	return script
}
