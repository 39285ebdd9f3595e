package mailu

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// store is Mailu's database: domains, users, app tokens and aliases, in the order in which they were made. It is one JSON file,
// rewritten with every change, so that a volume which moves to another server, or a restart, keeps it.
type store struct {
	path string
	mu   sync.Mutex
	data database
}

type database struct {
	Domains   []domain
	Users     []account
	Tokens    []token
	NextToken int
	Aliases   []alias
}

func openStore(path string) (*store, error) {
	s := &store{path: path, data: database{NextToken: 1}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &s.data)
	}
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return s, nil
}

// read looks at the database; what it returns from it must be copies.
func (s *store) read(look func(*database)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	look(&s.data)
}

// change applies a transaction: when change fails or cannot be written, nothing has happened.
func (s *store) change(change func(*database) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := database{slices.Clone(s.data.Domains), slices.Clone(s.data.Users), slices.Clone(s.data.Tokens), s.data.NextToken, slices.Clone(s.data.Aliases)}
	if err := change(&next); err != nil {
		return err
	}
	if err := writeJSON(s.path, next); err != nil {
		return err
	}
	s.data = next
	return nil
}

// user returns a copy of the account of that address, compared as it is written, as Mailu does.
func (s *store) user(address string) (found account, ok bool) {
	s.read(func(d *database) {
		if u := d.user(address); u != nil {
			found, ok = *u, true
		}
	})
	return found, ok
}

// domain returns a copy of the domain of that name.
func (s *store) domain(name string) (found domain, ok bool) {
	s.read(func(d *database) {
		if i := d.domain(name); i >= 0 {
			found, ok = d.Domains[i], true
		}
	})
	return found, ok
}

func (d *database) user(address string) *account {
	i := slices.IndexFunc(d.Users, func(u account) bool { return u.Email == address })
	if i < 0 {
		return nil
	}
	return &d.Users[i]
}

func (d *database) domain(name string) int {
	return slices.IndexFunc(d.Domains, func(dom domain) bool { return dom.Name == name })
}

// deleteUsers removes users with their tokens; their mail stays on the disk.
func (d *database) deleteUsers(gone func(account) bool) {
	for _, u := range d.Users {
		if gone(u) {
			d.Tokens = slices.DeleteFunc(d.Tokens, func(t token) bool { return t.Email == u.Email })
		}
	}
	d.Users = slices.DeleteFunc(d.Users, gone)
}

// writeJSON replaces a file as a whole.
func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(path), ".next-")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // gone already when the rename succeeded
	_, err = next.Write(data)
	if err = errors.Join(err, next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}
