package mailu

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// compose is what docker-compose.yml makes of the server: where each port of the front is published.
type compose struct {
	front map[int]netip.AddrPort
}

// neededServices are those without which there is no mail server to speak of.
var neededServices = []string{"front", "admin", "imap", "smtp"}

// parseCompose reads the file with the variables of mailu.env filled in. The images must carry the pinned version, and
// only ports that the front publishes can be reached.
func parseCompose(text []byte, env map[string]string, s Settings) (compose, error) {
	var file struct {
		Services map[string]struct {
			Image string      `yaml:"image"`
			Ports []yaml.Node `yaml:"ports"`
		} `yaml:"services"`
	}
	filled, err := fill(string(text), env)
	if err != nil {
		return compose{}, err
	}
	if err := yaml.Unmarshal([]byte(filled), &file); err != nil {
		return compose{}, err
	}
	for _, name := range neededServices {
		service, ok := file.Services[name]
		if !ok {
			return compose{}, fmt.Errorf("there is no service %s", name)
		}
		if !strings.HasSuffix(service.Image, ":"+s.Version) {
			return compose{}, fmt.Errorf("the image of %s is %q, not one of MAILU_VERSION %s", name, service.Image, s.Version)
		}
	}
	c := compose{map[int]netip.AddrPort{}}
	for _, node := range file.Services["front"].Ports {
		if err := c.publish(node, s.Bind); err != nil {
			return compose{}, fmt.Errorf("ports of front: %w", err)
		}
	}
	return c, nil
}

// publish takes one entry in either of compose's forms: [address:]host:container, or a mapping. Addresses of IPv6 are
// left out: every server of the local platform is one address of 127.0.0.0/8.
func (c compose) publish(node yaml.Node, bind netip.Addr) error {
	var long struct {
		Target    int    `yaml:"target"`
		Published string `yaml:"published"`
		HostIP    string `yaml:"host_ip"`
	}
	if node.Kind == yaml.MappingNode {
		if err := node.Decode(&long); err != nil {
			return err
		}
	} else {
		rest, container, ok := cutLast(strings.TrimSuffix(node.Value, "/tcp"), ":")
		target, err := strconv.Atoi(container)
		if err != nil || !ok {
			return fmt.Errorf("%q is not address:host:container", node.Value)
		}
		long.Target = target
		if long.HostIP, long.Published, ok = cutLast(rest, ":"); !ok {
			long.HostIP, long.Published = "", rest
		}
	}
	port, err := strconv.ParseUint(long.Published, 10, 16)
	if err != nil {
		return fmt.Errorf("port %d is published as %q", long.Target, long.Published)
	}
	address := bind
	if long.HostIP != "" {
		if address, err = netip.ParseAddr(strings.Trim(long.HostIP, "[]")); err != nil {
			return fmt.Errorf("port %d is published on %q", long.Target, long.HostIP)
		}
	}
	if address.Is6() {
		return nil
	}
	if address.IsUnspecified() {
		address = bind // all addresses of the machine would be those of its neighbours here
	}
	c.front[long.Target] = netip.AddrPortFrom(address, uint16(port))
	return nil
}

// fill replaces $NAME, ${NAME}, ${NAME:-default}, ${NAME:?message} and $$ as compose does; without the colon, a default or
// message is for a variable that is missing, not for one that is empty.
func fill(text string, env map[string]string) (filled string, err error) {
	filled = os.Expand(text, func(expression string) string {
		if expression == "$" {
			return "$"
		}
		end := strings.IndexAny(expression, ":-?")
		if end < 0 {
			return env[expression]
		}
		name, rest := expression[:end], expression[end:]
		rest, orEmpty := strings.CutPrefix(rest, ":")
		value, ok := env[name]
		if ok = ok && (value != "" || !orEmpty); ok {
			return value
		}
		if strings.HasPrefix(rest, "?") {
			err = fmt.Errorf("required variable %s is missing a value", name)
		}
		return strings.TrimPrefix(rest, "-")
	})
	return filled, err
}

func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return "", s, false
}
