package remote

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// errMismatch is what the host key callback answers to a key that is not pinned.
var errMismatch = errors.New("the host key is not the pinned one")

// pins are the host keys that a server may show.
type pins []ssh.PublicKey

func parsePins(lines []string) (pins, error) {
	var p pins
	for _, line := range lines {
		key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil || len(bytes.TrimSpace(rest)) > 0 {
			return nil, fmt.Errorf("a pinned host key is not one line of the form \"ssh-ed25519 AAAA…\"")
		}
		p = append(p, key)
	}
	if len(p) == 0 {
		return nil, errors.New("no host key is pinned")
	}
	return p, nil
}

// check accepts a pinned key and notes it in proven.
func (p pins) check(proven *string) ssh.HostKeyCallback {
	return func(_ string, _ net.Addr, shown ssh.PublicKey) error {
		for _, pin := range p {
			if bytes.Equal(pin.Marshal(), shown.Marshal()) {
				*proven = line(pin)
				return nil
			}
		}
		return errMismatch
	}
}

// algorithms makes the server show a key of a pinned type: servers have several keys and would choose another.
func (p pins) algorithms() []string {
	var names []string
	for _, pin := range p {
		switch kind := pin.Type(); kind {
		case ssh.KeyAlgoRSA: // the key type's name is also that of its SHA-1 signature, which is not accepted
			names = append(names, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		default:
			names = append(names, kind)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// line is a public key as an authorized_keys line without a comment and without the newline.
func line(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}
