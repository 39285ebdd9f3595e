package remote

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"

	"golang.org/x/crypto/ssh"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// maxOutput bounds, in bytes, what Run keeps of each output stream of a command.
const maxOutput = 64 << 10

// Output is what a command wrote: the beginning of each stream, as much as was asked for. It may quote what the command
// read, secrets included: it is not for logs as it is.
type Output struct {
	Stdout, Stderr []byte
	// Truncated: there was more.
	Truncated bool
}

// Run runs a command line in the login shell of the server and waits for its end. stdin may be nil. A command that ends
// with another status than 0, or by a signal, is ServerRefused; its output, at most the first 64 KiB of each stream, is
// returned all the same.
func (s *Session) Run(ctx context.Context, command string, stdin io.Reader) (Output, error) {
	return s.RunUpTo(ctx, maxOutput, command, stdin)
}

// RunUpTo is Run for a command that may say more or must say less: at most so many bytes of each stream are kept.
func (s *Session) RunUpTo(ctx context.Context, most int, command string, stdin io.Reader) (Output, error) {
	defer s.bind(ctx)()
	channel, err := s.client.NewSession()
	if err != nil {
		return Output{}, s.failed(ctx, "open a channel", err)
	}
	defer channel.Close()
	stdout, stderr := head{most: most}, head{most: most}
	channel.Stdin, channel.Stdout, channel.Stderr = stdin, &stdout, &stderr
	err = channel.Run(command)
	out := Output{stdout.kept.Bytes(), stderr.kept.Bytes(), stdout.more || stderr.more}
	if err != nil {
		return out, s.failed(ctx, command, err)
	}
	return out, nil
}

// failed names the error of one operation. Errors of SSH itself hold states, signals and addresses, never data.
func (s *Session) failed(ctx context.Context, what string, err error) error {
	var exit *ssh.ExitError
	var noExit *ssh.ExitMissingError
	var refused *ssh.OpenChannelError
	switch {
	case ctx.Err() != nil:
		return fault.ServerUnreachable.Errorf("%s: %s: %w", s.address, what, ctx.Err())
	case errors.As(err, &exit) && exit.Signal() != "":
		return fault.ServerRefused.Errorf("%s: %s: ended by signal %s", s.address, what, exit.Signal())
	case errors.As(err, &exit):
		return fault.ServerRefused.Errorf("%s: %s: exit status %d", s.address, what, exit.ExitStatus())
	case errors.As(err, &refused) && refused.Reason == ssh.ConnectionFailed: // nothing listens there yet
		return fault.ServerUnreachable.Errorf("%s: %s: %w", s.address, what, err)
	case errors.As(err, &noExit), isCutOff(err):
		return fault.ServerUnreachable.Errorf("%s: %s: the connection was lost: %w", s.address, what, err)
	}
	return fault.ServerRefused.Errorf("%s: %s: %w", s.address, what, err)
}

// isCutOff asks for *net.OpError and not for net.Error, which every error number of a file system is too.
func isCutOff(err error) bool {
	var network *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &network)
}

// head keeps the first bytes and swallows the rest, so that the command never waits for a reader.
type head struct {
	most int
	kept bytes.Buffer
	more bool
}

func (h *head) Write(b []byte) (int, error) {
	room := h.most - h.kept.Len()
	if len(b) > room {
		h.kept.Write(b[:room])
		h.more = true
		return len(b), nil
	}
	return h.kept.Write(b)
}
