package mailu

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Project is a server's folder as a recovery writes it:
//
//	docker-compose.yml, mailu.env          what to run and how
//	certs/cert.pem, certs/key.pem          TLS_FLAVOR=cert
//	certs/letsencrypt/live/mailu/          TLS_FLAVOR=letsencrypt: fullchain.pem, privkey.pem
//	dkim/{domain}.{selector}.key           private keys, PEM
//	data/                                  what the server itself keeps: database, rate limits, mail
type Project struct {
	Dir      string
	Settings Settings
	compose  compose
}

// OpenProject reads the folder and refuses what would make Mailu's containers restart for ever.
func OpenProject(dir string) (Project, error) {
	text, err := os.ReadFile(filepath.Join(dir, "mailu.env"))
	if err != nil {
		return Project{}, err
	}
	env, err := parseEnv(string(text))
	if err != nil {
		return Project{}, fmt.Errorf("mailu.env: %w", err)
	}
	settings, err := ParseSettings(env)
	if err != nil {
		return Project{}, fmt.Errorf("mailu.env: %w", err)
	}
	text, err = os.ReadFile(filepath.Join(dir, "docker-compose.yml"))
	if err != nil {
		return Project{}, err
	}
	services, err := parseCompose(text, env, settings)
	if err != nil {
		return Project{}, fmt.Errorf("docker-compose.yml: %w", err)
	}
	for _, folder := range []string{"data", "dkim"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			return Project{}, err
		}
	}
	return Project{dir, settings, services}, nil
}

// certificate is the server's, nil when there is none where the flavour looks for it.
func (p Project) certificate() (*tls.Certificate, error) {
	cert, key := "cert.pem", "key.pem"
	if p.Settings.TLSFlavor == "letsencrypt" {
		live := filepath.Join("letsencrypt", "live", "mailu")
		cert, key = filepath.Join(live, "fullchain.pem"), filepath.Join(live, "privkey.pem")
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(p.Dir, "certs", cert), filepath.Join(p.Dir, "certs", key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return &pair, nil
}

func (p Project) data(name string) string { return filepath.Join(p.Dir, "data", name) }

func (p Project) dkimFolder() string { return filepath.Join(p.Dir, "dkim") }
