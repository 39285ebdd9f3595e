package remote

import (
	"context"
	"errors"
	"time"

	"golang.org/x/crypto/ssh"
)

// Reaches reports whether the server can open a connection to another host ("mx.example.org:25") within the given time.
// That it cannot is an answer and no fault, whether it was refused or heard nothing; a server that has gone silent itself
// is ServerUnreachable.
func (s *Session) Reaches(ctx context.Context, address string, within time.Duration) (bool, error) {
	trying, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	conn, err := s.client.DialContext(trying, "tcp", address)
	if err == nil {
		_ = conn.Close()
		return true, nil
	}
	var refused *ssh.OpenChannelError
	if errors.As(err, &refused) && refused.Reason == ssh.ConnectionFailed {
		return false, nil
	}
	if trying.Err() == nil || ctx.Err() != nil {
		return false, s.failed(ctx, "connect to "+address, err)
	}
	return false, s.alive(ctx)
}

// alive is nil for a server that still answers, whatever it says.
func (s *Session) alive(ctx context.Context) error {
	defer s.bind(ctx)()
	if _, _, err := s.client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
		return s.failed(ctx, "ask for a sign of life", err)
	}
	return nil
}
