package mailu

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// configuration is what an import reads: YAML, of which JSON is a part. An attribute that is not there is left alone.
type configuration struct {
	User []userChange `yaml:"user"`
}

type userChange struct {
	Email        *string       `yaml:"email"`
	Password     *string       `yaml:"password"`
	HashPassword bool          `yaml:"hash_password"` // Password is one and no hash
	Enabled      *bool         `yaml:"enabled"`
	GlobalAdmin  *bool         `yaml:"global_admin"`
	Tokens       []tokenChange `yaml:"tokens"`
}

// tokenChange is `-id: N`, which deletes one, or `-id: null`, which deletes all that are not named.
type tokenChange struct {
	Delete *int `yaml:"-id"`
}

// configImport merges users into those that there are; a user who is not there is made. All of it happens, or nothing.
//
// What becomes of web sessions is not documented: here they go on. The real one is said to end them only when a password is
// changed in the other ways.
func (c *containers) configImport(stdin string) Ran {
	decoder := yaml.NewDecoder(strings.NewReader(stdin))
	decoder.KnownFields(true)
	var in configuration
	if err := decoder.Decode(&in); err != nil {
		return clickError("[ValidationError] %v", err)
	}
	err := c.store.change(func(d *database) error {
		for i, change := range in.User {
			if err := d.merge(change); err != nil {
				return fmt.Errorf("user.%d.%w", i, err)
			}
		}
		return nil
	})
	if err != nil {
		return clickError("[ValidationError] 1 error occurred during input validation\n     - %v.", err)
	}
	return Ran{}
}

func (d *database) merge(change userChange) error {
	if change.Email == nil || !validEmail(*change.Email) {
		return errors.New("email : Missing data for required field")
	}
	user := d.user(*change.Email)
	if user == nil {
		made := newAccount(*change.Email)
		if d.domain(made.domain()) < 0 || change.Password == nil {
			return errors.New("password : Missing data for required field")
		}
		d.Users = append(d.Users, made)
		user = &d.Users[len(d.Users)-1]
	}
	switch {
	case change.Password == nil && change.HashPassword:
		return errors.New(`hash_password : Nothing to hash. Field "password" is missing`)
	case change.Password == nil, change.HashPassword && matches(user.Password, *change.Password):
		// A password that is the user's already keeps its hash.
	case change.HashPassword:
		hash, err := hashPassword(*change.Password)
		if err != nil {
			return fmt.Errorf("password : %w", err)
		}
		user.Password = hash
	case !strings.HasPrefix(*change.Password, hashPrefix):
		return fmt.Errorf("password : invalid password hash '%s'", *change.Password)
	default:
		user.Password = *change.Password
	}
	if change.Enabled != nil {
		user.Enabled = *change.Enabled
	}
	if change.GlobalAdmin != nil {
		user.GlobalAdmin = *change.GlobalAdmin
	}
	return d.dropTokens(user.Email, change.Tokens)
}

func (d *database) dropTokens(email string, changes []tokenChange) error {
	for _, change := range changes {
		had := len(d.Tokens)
		d.Tokens = slices.DeleteFunc(d.Tokens, func(t token) bool {
			return t.Email == email && (change.Delete == nil || *change.Delete == t.ID)
		})
		if change.Delete != nil && len(d.Tokens) == had {
			return fmt.Errorf("tokens.0.id : Item to delete not found: %d", *change.Delete)
		}
	}
	return nil
}
