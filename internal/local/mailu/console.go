package mailu

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
)

// order is a command for a container of a running server.
type order struct {
	Service string   `json:"service"`
	Words   []string `json:"words"`
	Stdin   string   `json:"stdin"`
}

// consoleAt is where the running server of a folder takes orders: a socket without a file, so that no path is too long
// for it and none is left behind.
func consoleAt(dir string) (*net.UnixAddr, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return &net.UnixAddr{Net: "unix", Name: fmt.Sprintf("@mailu-%x", sha256.Sum256([]byte(absolute)))}, nil
}

// Reads reports whether a command reads its standard input.
func Reads(words []string) bool { return strings.Join(words, " ") == importWords }

// Exec runs a command in a container of the server that runs in the folder, as `docker compose exec SERVICE WORDS…` does.
func Exec(dir, service string, words []string, stdin string) (ran Ran, err error) {
	at, err := consoleAt(dir)
	if err != nil {
		return Ran{}, err
	}
	conn, err := net.DialUnix("unix", nil, at)
	if err != nil {
		return Ran{}, err
	}
	defer conn.Close()
	if err := json.NewEncoder(conn).Encode(order{service, words, stdin}); err != nil {
		return Ran{}, err
	}
	return ran, json.NewDecoder(conn).Decode(&ran)
}

// openConsole takes orders until the server is closed.
func (s *Server) openConsole(c *containers) error {
	at, err := consoleAt(c.project.Dir)
	if err != nil {
		return err
	}
	l, err := net.ListenUnix("unix", at)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			var o order
			if err := json.NewDecoder(conn).Decode(&o); err == nil {
				_ = json.NewEncoder(conn).Encode(c.run(o.Service, o.Words, o.Stdin)) // whoever asked may be gone
			}
			_ = conn.Close()
		}
	}()
	s.stop = append(s.stop, func() error {
		err := l.Close()
		<-done
		return err
	})
	return nil
}
