package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/local/engine"
	"github.com/penguinmails/disaster-recovery/internal/local/progress"
	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// record is Dir/platform.json, by which a later process takes hold of a platform that stays. Its mode is 0600: it holds
// the keys of the local Vault.
type record struct {
	Vault     vaultserver.Record `json:"vault"`
	Mail      *mailRecord        `json:"mail,omitempty"`
	Outputs   map[string]string  `json:"outputs"`
	Built     string             `json:"built"`
	Shares    []string           `json:"shares"`
	RootToken string             `json:"root_token"`
}

const recordName = "platform.json"

// ErrNotRunning is what Attach answers where no platform runs.
var ErrNotRunning = errors.New("no platform is running here; start one with: make up")

// Save writes the record.
func (p *Platform) Save() error {
	r := record{Vault: p.Vault.Record(), Outputs: p.Outputs, Built: p.Built, RootToken: p.Keys.RootToken.Reveal()}
	if p.Mail != nil {
		r.Mail = &mailRecord{World: p.Mail.detached, Authority: string(p.Mail.Trusted())}
	}
	for _, s := range p.Keys.Shares {
		r.Shares = append(r.Shares, s.Reveal())
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(p.dir, recordName), data, 0o600)
}

// Attach takes hold of the platform that an earlier process left running in dir. Its Vault may be down: that is a state
// operators play with.
func Attach(tools Tools, dir string, say *progress.Printer) (*Platform, error) {
	data, err := os.ReadFile(filepath.Join(dir, recordName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, recordName), err)
	}
	p := &Platform{tools: tools, dir: dir, say: say, Outputs: r.Outputs, Built: r.Built}
	p.Vault = vaultserver.Attach(r.Vault)
	if r.Mail != nil {
		p.Mail = attachMail(*r.Mail)
	}
	p.Keys.RootToken = secret.New(r.RootToken)
	for _, s := range r.Shares {
		p.Keys.Shares = append(p.Keys.Shares, secret.New(s))
	}
	p.Engine, err = engine.Attach(filepath.Join(dir, "engine"))
	if errors.Is(err, engine.ErrNotRunning) {
		return nil, errors.Join(ErrNotRunning, p.Stop())
	}
	if err != nil {
		return nil, err
	}
	p.AWS = p.Engine.AWS()
	if p.authority, err = vaultserver.NewAuthority(filepath.Join(dir, "tls")); err != nil {
		return nil, err
	}
	return p, nil
}

// Forget removes the record of a platform that was stopped.
func (p *Platform) Forget() error { return os.Remove(filepath.Join(p.dir, recordName)) }

// Env is what an operator's shell needs to speak to the platform as to production: AWS, Vault, and the stack's outputs
// as PMDR_<Output>.
func (p *Platform) Env() []string {
	env := append(p.Engine.Env(),
		"VAULT_ADDR="+p.Vault.URL(),
		"VAULT_CACERT="+p.authority.CAFile,
		"VAULT_TOKEN="+p.Keys.RootToken.Reveal(),
		"PATH="+filepath.Join(p.dir, "bin")+":$PATH",
	)
	for _, name := range slices.Sorted(maps.Keys(p.Outputs)) {
		env = append(env, "PMDR_"+name+"="+p.Outputs[name])
	}
	return env
}

// exports renders variables as shell commands.
func exports(env []string) string {
	var b strings.Builder
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		fmt.Fprintf(&b, "export %s=%q\n", name, value)
	}
	return b.String()
}

// WriteEnv writes Env as a file to be sourced, mode 0600, and returns its path. The sam program goes into a folder of its
// own: the Python beside it is nobody's business.
func (p *Platform) WriteEnv() (string, error) {
	bin := filepath.Join(p.dir, "bin")
	if err := os.RemoveAll(bin); err != nil {
		return "", err
	}
	if err := os.Mkdir(bin, 0o755); err != nil {
		return "", err
	}
	if err := os.Symlink(p.tools.SAM.Program, filepath.Join(bin, "sam")); err != nil {
		return "", err
	}
	file := filepath.Join(p.dir, "env")
	return file, os.WriteFile(file, []byte(exports(p.Env())), 0o600)
}
