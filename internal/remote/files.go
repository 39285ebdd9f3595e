package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/pkg/sftp"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// maxFile bounds, in bytes, what ReadFile takes: configuration and keys, nothing larger.
const maxFile = 1 << 20

// WriteFile puts a file in place so that a reader sees the old one or the new one, and nobody but its owner the half
// made one: a temporary file beside it gets mode 0600 while it is still empty, then its content, is flushed to the disk
// and renamed. Missing folders are made. Where the server does not know fsync (OpenSSH does), the flush is left to it.
// A retry overwrites what a crash has left.
func (s *Session) WriteFile(ctx context.Context, name string, mode fs.FileMode, content []byte) error {
	defer s.bind(ctx)()
	what := "write " + name
	files, err := s.sftp()
	if err != nil {
		return s.failedFile(ctx, what, err)
	}
	if err := files.MkdirAll(path.Dir(name)); err != nil {
		return s.failedFile(ctx, what, err)
	}
	temporary := path.Join(path.Dir(name), "."+path.Base(name)+".new")
	if err := files.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.failedFile(ctx, what, err)
	}
	if err := fill(files, temporary, mode, content); err != nil {
		_ = files.Remove(temporary) // what could not be finished may hold half a secret
		return s.failedFile(ctx, what, err)
	}
	if err := files.PosixRename(temporary, name); err != nil {
		_ = files.Remove(temporary)
		return s.failedFile(ctx, what, err)
	}
	return nil
}

func fill(files *sftp.Client, name string, mode fs.FileMode, content []byte) (err error) {
	// O_EXCL: a link that somebody put there is not followed.
	f, err := files.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Chmod(0o600); err != nil {
		return err
	}
	if _, err := f.ReadFrom(bytes.NewReader(content)); err != nil {
		return err
	}
	if _, ok := files.HasExtension("fsync@openssh.com"); ok {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if mode != 0o600 {
		return f.Chmod(mode)
	}
	return nil
}

// ReadFile reads a file of at most 1 MiB. A file that is not there is ServerRefused, and errors.Is fs.ErrNotExist.
func (s *Session) ReadFile(ctx context.Context, name string) ([]byte, error) {
	defer s.bind(ctx)()
	what := "read " + name
	files, err := s.sftp()
	if err != nil {
		return nil, s.failedFile(ctx, what, err)
	}
	f, err := files.Open(name)
	if err != nil {
		return nil, s.failedFile(ctx, what, err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, s.failedFile(ctx, what, err)
	}
	if len(content) > maxFile {
		return nil, s.failedFile(ctx, what, fmt.Errorf("larger than %d bytes", maxFile))
	}
	return content, nil
}

// Exists reports whether a file or folder is there.
func (s *Session) Exists(ctx context.Context, name string) (bool, error) {
	defer s.bind(ctx)()
	files, err := s.sftp()
	if err == nil {
		_, err = files.Stat(name)
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	}
	return false, s.failedFile(ctx, "look for "+name, err)
}

// sftp opens the file channel once.
func (s *Session) sftp() (*sftp.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		files, err := sftp.NewClient(s.client)
		if err != nil {
			return nil, err
		}
		s.files = files
	}
	return s.files, nil
}

func (s *Session) failedFile(ctx context.Context, what string, err error) error {
	if ctx.Err() == nil && errors.Is(err, sftp.ErrSSHFxConnectionLost) {
		return fault.ServerUnreachable.Errorf("%s: %s: the connection was lost", s.address, what)
	}
	return s.failed(ctx, what, err)
}
