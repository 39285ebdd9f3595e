package mailu

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/backend"
)

// mailStore keeps messages as files, {address}/{mailbox}/{uid}:2,{flags}, in the manner of a maildir: the file's time is
// the message's, its flags are in its name, and the next uid is in the file uidnext.
type mailStore struct {
	root string
	mu   sync.Mutex
}

// stored is one message on the disk.
type stored struct {
	uid   uint32
	flags []string
	path  string
	date  time.Time
	size  int64
}

// flagLetters are the maildir letters of the flags that are kept.
var flagLetters = map[string]string{
	imap.SeenFlag: "S", imap.AnsweredFlag: "R", imap.FlaggedFlag: "F", imap.DeletedFlag: "T", imap.DraftFlag: "D",
}

// defaultMailboxes are those that a user finds at the first login.
var defaultMailboxes = []string{"INBOX", "Drafts", "Junk", "Sent", "Trash"}

func (s *mailStore) dir(user, mailbox string) string {
	return filepath.Join(s.root, fileName(user), fileName(mailbox))
}

// fileName makes one path element of any name.
func fileName(name string) string {
	return strings.ReplaceAll(url.PathEscape(name), ".", "%2E")
}

// open makes the user's default mailboxes.
func (s *mailStore) open(user string) error {
	for _, name := range defaultMailboxes {
		if err := os.MkdirAll(s.dir(user, name), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// add puts a message into a mailbox.
func (s *mailStore) add(user, mailbox string, flags []string, date time.Time, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(user); err != nil {
		return err
	}
	dir := s.dir(user, mailbox)
	uid, err := s.nextUID(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return backend.ErrNoSuchMailbox
	}
	if err != nil {
		return err
	}
	next := filepath.Join(dir, "uidnext")
	if err := os.WriteFile(next+".tmp", []byte(strconv.FormatUint(uint64(uid)+1, 10)), 0o600); err != nil {
		return err
	}
	if err := os.Rename(next+".tmp", next); err != nil {
		return err
	}
	path := filepath.Join(dir, messageName(uid, flags))
	if err := os.WriteFile(path+".tmp", body, 0o600); err != nil {
		return err
	}
	return errors.Join(os.Chtimes(path+".tmp", date, date), os.Rename(path+".tmp", path))
}

func (s *mailStore) nextUID(dir string) (uint32, error) {
	if _, err := os.Stat(dir); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "uidnext"))
	if errors.Is(err, fs.ErrNotExist) {
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	uid, err := strconv.ParseUint(string(text), 10, 32)
	return uint32(uid), err
}

// list returns the messages of a mailbox in the order of their uids.
func (s *mailStore) list(user, mailbox string) ([]stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dir := s.dir(user, mailbox)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	var messages []stored
	for _, entry := range entries {
		number, letters, ok := strings.Cut(entry.Name(), ":2,")
		uid, err := strconv.ParseUint(number, 10, 32)
		if !ok || err != nil || strings.HasSuffix(letters, ".tmp") {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		messages = append(messages, stored{uint32(uid), flagsOf(letters), filepath.Join(dir, entry.Name()), info.ModTime(), info.Size()})
	}
	slices.SortFunc(messages, func(a, b stored) int { return int(a.uid) - int(b.uid) })
	return messages, nil
}

// flag replaces the flags of one message.
func (s *mailStore) flag(m stored, flags []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return os.Rename(m.path, filepath.Join(filepath.Dir(m.path), messageName(m.uid, flags)))
}

func messageName(uid uint32, flags []string) string {
	var letters []string
	for _, f := range flags {
		if letter, ok := flagLetters[imap.CanonicalFlag(f)]; ok {
			letters = append(letters, letter)
		}
	}
	slices.Sort(letters)
	return fmt.Sprintf("%d:2,%s", uid, strings.Join(slices.Compact(letters), ""))
}

func flagsOf(letters string) []string {
	flags := []string{}
	for flag, letter := range flagLetters {
		if strings.Contains(letters, letter) {
			flags = append(flags, flag)
		}
	}
	slices.Sort(flags)
	return flags
}
