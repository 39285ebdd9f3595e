package mailu

import (
	"fmt"
	"slices"
	"strings"
)

// Ran is what a command in a container wrote, and its exit status.
type Ran struct {
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
	Status int    `json:"status"`
}

// Exit statuses: doveadm's for a user that nothing is known of, a shell's for a program that is not there.
const (
	doveadmNotFound = 68
	noSuchProgram   = 127
)

// proxyConfig is the configuration of the front's Dovecot: it takes logins for IMAP and submission, and hands the
// connections on to the other containers.
const proxyConfig = "/etc/dovecot/proxy.conf"

// run answers a command in a container, of the few programs that are used.
func (c *containers) run(service string, words []string, stdin string) Ran {
	switch program := strings.Join(words[:min(1, len(words))], ""); {
	case program == "doveadm":
		return c.doveadm(service, words[1:])
	case program == "flask" && service == "admin":
		return c.flask(words, stdin)
	case service == "redis" && strings.Join(words, " ") == flushSessions:
		c.sessions.endAll()
		return Ran{Stdout: "OK\n"}
	}
	return Ran{Stderr: "exec: no such program in this container\n", Status: noSuchProgram}
}

// flushSessions empties the database in which Mailu's source keeps the web sessions of all users.
const flushSessions = "redis-cli -n 3 flushdb"

// doveadm is there in the two commands that end sessions: the front's proxied connections are those of clients at every mail
// port, the imap container's those behind them. Texts and statuses are those of doveadm 2.3's source; addresses are compared
// in lower case, as Dovecot's logins are.
func (c *containers) doveadm(service string, words []string) Ran {
	switch {
	case service == "front" && len(words) == 5 && slices.Equal(words[:4], []string{"-c", proxyConfig, "proxy", "kick"}):
		return Ran{Stdout: fmt.Sprintf("%d connections kicked\n", c.connections.cut(strings.ToLower(words[4]), ""))}
	case service == "imap" && len(words) == 2 && words[0] == "kick":
		user := strings.ToLower(words[1])
		if c.connections.cut(user, "imap") == 0 {
			return Ran{Stdout: "no users kicked\n", Status: doveadmNotFound}
		}
		return Ran{Stdout: "kicked connections from the following users:\n" + user + " \n"}
	}
	return Ran{Stderr: "doveadm: this command is not known here\n", Status: 64}
}
