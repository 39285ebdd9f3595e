package server

import (
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/gliderlabs/ssh"
	"github.com/pkg/sftp"
)

// files serves SFTP: the server's root directory is the client's `/`, and no path or link leads out of it.
func (m *machine) files(s ssh.Session) {
	root, err := os.OpenRoot(m.dir)
	if err != nil {
		m.logf("server %d: SFTP: %v", m.id, err)
		_ = s.Exit(1)
		return
	}
	defer root.Close()
	h := fileHandler{root}
	server := sftp.NewRequestServer(s, sftp.Handlers{FileGet: h, FilePut: h, FileCmd: h, FileList: h})
	_ = server.Serve()
	_ = server.Close()
}

type fileHandler struct{ root *os.Root }

// inside is a client's path as os.Root wants it.
func inside(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		return "."
	}
	return name
}

func (h fileHandler) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	return h.root.Open(inside(r.Filepath))
}

func (h fileHandler) Filewrite(r *sftp.Request) (io.WriterAt, error) { return h.open(r) }

// OpenFile serves a file that is read and written by one handle.
func (h fileHandler) OpenFile(r *sftp.Request) (sftp.WriterAtReaderAt, error) { return h.open(r) }

func (h fileHandler) open(r *sftp.Request) (*os.File, error) {
	asked, flags := r.Pflags(), os.O_WRONLY
	if asked.Read {
		flags = os.O_RDWR
	}
	// O_APPEND is left out: the protocol names the offset of every write.
	for flag, wanted := range map[int]bool{os.O_CREATE: asked.Creat, os.O_TRUNC: asked.Trunc, os.O_EXCL: asked.Excl} {
		if wanted {
			flags |= flag
		}
	}
	return h.root.OpenFile(inside(r.Filepath), flags, 0o644)
}

func (h fileHandler) Filecmd(r *sftp.Request) error {
	name := inside(r.Filepath)
	switch r.Method {
	case "Setstat":
		return h.setstat(r, name)
	case "Mkdir":
		return h.root.Mkdir(name, 0o755)
	case "Rename":
		if _, err := h.root.Lstat(inside(r.Target)); err == nil {
			return os.ErrExist // only the POSIX extension replaces
		}
		return h.root.Rename(name, inside(r.Target))
	case "Remove", "Rmdir":
		return h.root.Remove(name)
	}
	return sftp.ErrSSHFxOpUnsupported
}

// PosixRename replaces its target in one step.
func (h fileHandler) PosixRename(r *sftp.Request) error {
	return h.root.Rename(inside(r.Filepath), inside(r.Target))
}

func (h fileHandler) setstat(r *sftp.Request, name string) error {
	asked, attributes := r.AttrFlags(), r.Attributes()
	if asked.Permissions {
		if err := h.root.Chmod(name, attributes.FileMode().Perm()); err != nil {
			return err
		}
	}
	if asked.Size {
		f, err := h.root.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		return f.Truncate(int64(attributes.Size))
	}
	return nil
}

func (h fileHandler) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	name := inside(r.Filepath)
	switch r.Method {
	case "List":
		entries, err := fs.ReadDir(h.root.FS(), name)
		if err != nil {
			return nil, err
		}
		var infos list
		for _, entry := range entries {
			if info, err := entry.Info(); err == nil { // else it is gone since
				infos = append(infos, info)
			}
		}
		return infos, nil
	case "Stat":
		info, err := h.root.Stat(name)
		return list{info}, err
	}
	return nil, sftp.ErrSSHFxOpUnsupported
}

// Lstat does not follow a link.
func (h fileHandler) Lstat(r *sftp.Request) (sftp.ListerAt, error) {
	info, err := h.root.Lstat(inside(r.Filepath))
	return list{info}, err
}

// list is a directory's entries.
type list []fs.FileInfo

// ListAt copies the entries from offset on.
func (l list) ListAt(into []fs.FileInfo, offset int64) (int, error) {
	if offset >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(into, l[offset:])
	if n < len(into) {
		return n, io.EOF
	}
	return n, nil
}
