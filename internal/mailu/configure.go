package mailu

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// ConfigureInput is a machine that is to become a tenant's server.
type ConfigureInput struct {
	Tenant Tenant `json:"tenant"`
	Server Server `json:"server"`
	// Bootstrap: the machine was made from Machine.UserData, and server.host_key is its bootstrap key, which the
	// provider knows. It is replaced before any secret is sent. false for a server that somebody else set up.
	Bootstrap bool           `json:"bootstrap"`
	Execution task.Execution `json:"execution"`
}

// Validate checks every part.
func (in ConfigureInput) Validate() error {
	if err := in.Tenant.Validate(); err != nil {
		return err
	}
	if err := in.Server.Validate(); err != nil {
		return err
	}
	return in.Execution.Validate()
}

// Configured is a server that has everything and was told to start.
type Configured struct {
	// Server has the host key to pin from now on.
	Server    Server    `json:"server"`
	TLSFlavor TLSFlavor `json:"tls_flavor"`
	// Files counts those that were written.
	Files int `json:"files"`
}

// Configurer is the step ConfigureMailu.
type Configurer struct {
	Login Login
	// Exempt are the control plane's own networks, which no login rate limit of the server counts.
	Exempt []netip.Prefix
	Now    func() time.Time
}

// Commands on the server. Containers are made anew each time: Mailu takes its DKIM keys over, from root, when it starts,
// and one that goes on running could not read those that were just written.
const (
	restartSSH = "systemctl restart ssh"
	composeUp  = "docker compose --file " + home + "/docker-compose.yml --env-file " + home + "/mailu.env up --detach --force-recreate --quiet-pull --remove-orphans"
)

// Configure takes everything from Vault, writes it to the server and starts Mailu. All of Vault is read before the
// server is touched. A second run writes the same files again and starts Mailu again.
func (c Configurer) Configure(ctx context.Context, in ConfigureInput) (Configured, error) {
	site, key, err := c.collect(ctx, in.Tenant)
	if err != nil {
		return Configured{}, err
	}
	if site.BindAddress4, err = in.Server.ip(); err != nil {
		return Configured{}, err
	}
	files, err := site.Files()
	if err != nil {
		return Configured{}, err
	}
	session, hostKey, err := open(ctx, in, key)
	if err != nil {
		return Configured{}, err
	}
	defer session.Close()
	if err := install(ctx, session, files); err != nil {
		return Configured{}, err
	}
	return Configured{
		Server:    Server{Address: in.Server.Address, HostKey: hostKey},
		TLSFlavor: site.Flavor(), Files: len(files),
	}, nil
}

// collect reads Vault.
func (c Configurer) collect(ctx context.Context, t Tenant) (Site, secret.String, error) {
	none := secret.String{}
	secrets, logout, err := c.Login(ctx)
	if err != nil {
		return Site{}, none, err
	}
	defer logout()
	credential, err := ReadCredential(ctx, secrets, t.ID, t.CredentialID)
	if err != nil {
		return Site{}, none, err
	}
	key, err := sshKey(ctx, secrets, t.ID)
	if err != nil {
		return Site{}, none, err
	}
	site := Site{
		Hostname: t.Hostname, Domain: t.Domains[0], Exempt: c.Exempt,
		Administrator: credential.Username, Keys: map[string]secret.String{},
	}
	if site.APIToken, err = apiToken(ctx, secrets, t.ID); err != nil {
		return Site{}, none, err
	}
	for _, domain := range t.Domains {
		if site.Keys[domain], err = dkimKey(ctx, secrets, domain); err != nil {
			return Site{}, none, err
		}
	}
	if site.Pair, err = readPair(ctx, secrets, t.ID, t.Hostname, c.Now()); err != nil {
		return Site{}, none, err
	}
	if site.SecretKey, err = derive(site.APIToken, "secret key", 16); err != nil {
		return Site{}, none, err
	}
	site.InitialPassword, err = derive(site.APIToken, "initial password", 32)
	return site, key, err
}

// open logs in, and returns the host key to pin from now on. A machine of our own making is waited for, and its host key
// replaced: a run that died in between finds the successor and goes on.
func open(ctx context.Context, in ConfigureInput, key secret.String) (session *remote.Session, hostKey string, err error) {
	if !in.Bootstrap {
		session, err = remote.Dial(ctx, in.Server.ssh(), sshUser, key, in.Server.HostKey)
		return session, in.Server.HostKey, err
	}
	next, err := remote.Successor(key, in.Server.HostKey)
	if err != nil {
		return nil, "", err
	}
	session, err = remote.Dial(ctx, in.Server.ssh(), sshUser, key, in.Server.HostKey, next.Public)
	if err != nil {
		return nil, "", err
	}
	prepared, err := session.Exists(ctx, PreparedMarker)
	if err == nil && !prepared {
		err = fault.ServerUnreachable.Tellf("the server's first boot is still at work")
	}
	if err == nil {
		hostKey, err = session.ReplaceHostKey(ctx, next, restartSSH)
	}
	if err != nil {
		_ = session.Close()
		return nil, "", err
	}
	return session, hostKey, nil
}

// host is what installing does with a server. *remote.Session is one.
type host interface {
	WriteFile(ctx context.Context, path string, mode fs.FileMode, content []byte) error
	Run(ctx context.Context, command string, stdin io.Reader) (remote.Output, error)
}

// install writes the files and starts what they describe.
func install(ctx context.Context, h host, files []File) error {
	for _, f := range files {
		if err := h.WriteFile(ctx, f.Path, f.Mode, []byte(f.Content.Reveal())); err != nil {
			return err
		}
	}
	out, err := h.Run(ctx, composeUp, nil)
	if err != nil {
		slog.ErrorContext(ctx, "docker compose failed", "stderr", scrub(string(out.Stderr), files))
	}
	return err
}

// scrub removes from a program's words everything that the files hold: docker compose quotes a line it cannot read.
func scrub(text string, files []File) string {
	for _, f := range files {
		for line := range strings.Lines(f.Content.Reveal()) {
			value := strings.TrimSpace(line)
			if _, after, ok := strings.Cut(value, "="); ok {
				value = after
			}
			if len(value) >= 8 { // shorter words are settings, not secrets
				text = strings.ReplaceAll(text, value, "[redacted]")
			}
		}
	}
	return text
}
