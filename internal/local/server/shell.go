package server

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// ownPath finds the absolute paths in a command that are the server's own: everything below these directories.
var ownPath = regexp.MustCompile("(^|[\\s'\"`=:<>(|&;])/(mailu|etc|mnt|root|opt|srv|var|home)\\b")

// translate makes a command mean the server's files. There is no chroot: it would take root, and a system to change to.
func (m *machine) translate(command string) string {
	return ownPath.ReplaceAllString(command, "${1}"+m.dir+"/${2}")
}

var (
	anyPath = regexp.MustCompile("(?:^|[\\s'\"`=:<>(|&;])(/[^\\s'\"`<>()|&;]*)")
	// harmless are paths of this machine that a command may name.
	harmless = []string{"/dev/null", "/bin/sh", "/dev/stdout", "/dev/stderr"}
)

// shell is a command of the server's, by /bin/sh in its root directory. What would reach beyond the server's own files
// is refused: the command of a test, or of the product, must never touch the machine that it runs on.
func (m *machine) shell(command string) (*exec.Cmd, error) {
	if strings.TrimSpace(command) == "" {
		return nil, errors.New("a shell without a command is not to be had here: what it reads could not be confined")
	}
	translated := m.translate(command)
	for _, found := range anyPath.FindAllStringSubmatch(translated, -1) {
		path := found[1]
		if !strings.HasPrefix(path+"/", m.dir+"/") && !slices.Contains(harmless, path) {
			return nil, fmt.Errorf("%s is not the server's own", path)
		}
	}
	if slices.Contains(strings.FieldsFunc(translated, func(r rune) bool { return strings.ContainsRune("/ \t\n'\"`;|&()<>=:", r) }), "..") {
		return nil, errors.New("a path that climbs (..) is not followed here")
	}
	return m.command("/bin/sh", "-c", translated), nil
}
