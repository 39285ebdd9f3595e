package mailu

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"

	"github.com/emersion/go-imap/server"
	"github.com/emersion/go-smtp"
)

// containers are the parts of a Mailu server, made from one project and sharing one state.
type containers struct {
	project  Project
	log      *slog.Logger
	now      func() time.Time
	store    *store
	mail     *mailStore
	dkim     dkimKeys
	gate     *gate
	sessions *sessions
	admin    http.Handler
	// connections are those of the front.
	connections *connections
}

func newContainers(p Project, o Options) (*containers, error) {
	if err := makeFolders(p.data("mail"), p.data("queue")); err != nil {
		return nil, err
	}
	store, err := openStore(p.data("main.json"))
	if err != nil {
		return nil, err
	}
	if err := makeAdmin(store, p.Settings.Admin, o.Log); err != nil {
		return nil, err
	}
	limiter, err := openLimiter(p.data("limits.json"), p.Settings, o.Now)
	if err != nil {
		return nil, err
	}
	c := &containers{
		project: p, log: o.Log, now: o.Now, store: store,
		mail:        &mailStore{root: p.data("mail")},
		dkim:        dkimKeys{p.dkimFolder(), p.Settings.DKIMSelector},
		sessions:    &sessions{byID: map[string]session{}},
		connections: &connections{open: map[string]*connection{}},
	}
	c.gate = &gate{store: store, limiter: limiter, sessions: c.sessions, log: o.Log, known: map[string]knownPassword{}}
	c.admin = c.adminHandler(limiter)
	return c, nil
}

// adminHandler is the admin container: API, login form, administration and what the other containers ask.
func (c *containers) adminHandler(limiter *limiter) http.Handler {
	mux := http.NewServeMux()
	if c.project.Settings.API {
		mux.Handle("/api/v1/", &api{c.project.Settings, c.store, c.dkim, limiter, c.sessions, c.log})
	}
	mux.Handle("/sso/login", &login{c.gate, c.sessions, c.project.Settings.Webmail})
	mux.Handle("/admin", signedIn(c.sessions, "Mailu-Admin"))
	mux.Handle("/admin/", signedIn(c.sessions, "Mailu-Admin"))
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) { page(w, http.StatusOK, "") })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { page(w, http.StatusNotFound, notFoundPage) })
	(&internalAPI{c.gate, c.store, c.dkim}).register(mux)
	return mux
}

// services are the ports of the front. Without a certificate only incoming mail and a closed port 80 are left.
func (c *containers) services(certificate *tls.Certificate, httpsPort int) map[int]service {
	if certificate == nil {
		c.log.Warn("missing certificate or key file, disabling TLS")
		return map[int]service{25: c.smtp(25, nil), 80: webService(closed(), c.log)}
	}
	config := &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
	site := &front{c.admin, c.sessions, c.project.Settings.API, c.project.Settings.Webmail}
	return map[int]service{
		25:  c.smtp(25, config),
		80:  webService(clear(httpsPort), c.log),
		443: withTLS(webService(site, c.log), config),
		465: withTLS(c.smtp(465, config), config),
		587: c.smtp(587, config),
		993: withTLS(c.imap(993), config),
	}
}

func (c *containers) smtp(port int, config *tls.Config) service {
	host := c.project.Settings.Hostnames[0]
	s := smtp.NewServer(&smtpBackend{
		gate: c.gate, store: c.store, mail: c.mail, dkim: c.dkim, host: host, queue: c.project.data("queue"), now: c.now, port: port,
		connections: c.connections,
	})
	s.Domain, s.TLSConfig, s.MaxMessageBytes = host, config, 50_000_000 // Mailu's MESSAGE_SIZE_LIMIT
	s.ReadTimeout, s.WriteTimeout = 5*time.Minute, time.Minute
	s.ErrorLog = slog.NewLogLogger(c.log.Handler(), slog.LevelDebug)
	return service{s.Serve, s.Close}
}

func (c *containers) imap(port int) service {
	s := server.New(&imapBackend{c.gate, c.mail, port, c.connections})
	s.AllowInsecureAuth = true // the listener is TLS already
	s.ErrorLog = slog.NewLogLogger(c.log.Handler(), slog.LevelDebug)
	return service{s.Serve, s.Close}
}
