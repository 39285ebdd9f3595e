package remotetest

import (
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/pkg/sftp"
)

// rooted serves files over SFTP below one folder.
type rooted struct{ root *os.Root }

// local turns the absolute path of a request into one below the root.
func local(name string) string {
	if name = strings.TrimPrefix(name, "/"); name == "" {
		return "."
	}
	return name
}

// Fileread opens a file for reading.
func (r rooted) Fileread(q *sftp.Request) (io.ReaderAt, error) { return r.root.Open(local(q.Filepath)) }

// Filewrite opens a file for writing, with the flags that the client asked for and the mode of a common umask.
func (r rooted) Filewrite(q *sftp.Request) (io.WriterAt, error) {
	flags, asked := os.O_WRONLY, q.Pflags()
	for flag, set := range map[int]bool{os.O_CREATE: asked.Creat, os.O_TRUNC: asked.Trunc, os.O_EXCL: asked.Excl} {
		if set {
			flags |= flag
		}
	}
	return r.root.OpenFile(local(q.Filepath), flags, 0o644)
}

// Filecmd changes the tree.
func (r rooted) Filecmd(q *sftp.Request) error {
	name := local(q.Filepath)
	switch q.Method {
	case "Mkdir":
		return r.root.Mkdir(name, 0o755)
	case "Remove":
		return r.root.Remove(name)
	case "Setstat":
		if q.AttrFlags().Permissions {
			return r.root.Chmod(name, q.Attributes().FileMode().Perm())
		}
		return nil
	}
	return sftp.ErrSSHFxOpUnsupported
}

// PosixRename replaces the target, as rename(2) does.
func (r rooted) PosixRename(q *sftp.Request) error {
	return r.root.Rename(local(q.Filepath), local(q.Target))
}

// Filelist answers stat.
func (r rooted) Filelist(q *sftp.Request) (sftp.ListerAt, error) {
	info, err := r.root.Stat(local(q.Filepath))
	if err != nil {
		return nil, err
	}
	return one{info}, nil
}

// one is a listing with a single entry.
type one struct{ fs.FileInfo }

func (o one) ListAt(entries []fs.FileInfo, offset int64) (int, error) {
	if offset > 0 || len(entries) == 0 {
		return 0, io.EOF
	}
	entries[0] = o.FileInfo
	return 1, io.EOF
}
