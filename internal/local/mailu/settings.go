package mailu

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Settings are what mailu.env says, checked.
type Settings struct {
	Version    string // MAILU_VERSION, 2024.06 or one of its patches
	Bind       netip.Addr
	Domain     string
	Hostnames  []string
	Postmaster string
	TLSFlavor  string // cert or letsencrypt
	Webmail    bool
	API        bool
	APIToken   string

	Admin InitialAdmin

	DKIMSelector string
	DMARCReports string // local part for aggregate reports, may be empty
	DMARCFailure string // local part for failure reports, may be empty

	PerNetwork, PerUser rate
	Exempt              []netip.Prefix
	ExemptFor           time.Duration // how long a successful login exempts its address
}

// InitialAdmin is the account that the admin container makes at every start. Without an Account there is none.
type InitialAdmin struct {
	Account, Domain string
	Password        string
	Mode            string // create, ifmissing or update
}

// Address is the account's mail address.
func (a InitialAdmin) Address() string { return a.Account + "@" + a.Domain }

var (
	version2024   = regexp.MustCompile(`^2024\.06(\.\d+)?$`)
	shellSafeWord = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
)

// ParseSettings checks the values of mailu.env. Its errors name the variable and never quote a secret one.
func ParseSettings(env map[string]string) (Settings, error) {
	get := func(name, unset string) string {
		if value, ok := env[name]; ok {
			return value
		}
		return unset
	}
	s := Settings{
		Version:    get("MAILU_VERSION", ""),
		Domain:     get("DOMAIN", ""),
		Hostnames:  strings.Split(get("HOSTNAMES", ""), ","),
		Postmaster: get("POSTMASTER", ""),
		TLSFlavor:  get("TLS_FLAVOR", "cert"),
		Webmail:    get("WEBMAIL", "none") != "none",
		API:        strings.EqualFold(get("API", "false"), "true"),
		APIToken:   get("API_TOKEN", ""),
		Admin: InitialAdmin{
			Account:  get("INITIAL_ADMIN_ACCOUNT", ""),
			Domain:   get("INITIAL_ADMIN_DOMAIN", ""),
			Password: get("INITIAL_ADMIN_PW", ""),
			Mode:     get("INITIAL_ADMIN_MODE", "create"),
		},
		DKIMSelector: get("DKIM_SELECTOR", "dkim"),
		DMARCReports: get("DMARC_RUA", ""),
		DMARCFailure: get("DMARC_RUF", ""),
	}
	switch {
	case get("SECRET_KEY", "") == "":
		return Settings{}, fmt.Errorf("SECRET_KEY is not set")
	case !version2024.MatchString(s.Version):
		return Settings{}, fmt.Errorf("MAILU_VERSION %q is not a pinned 2024.06", s.Version)
	case !validDomain(s.Domain):
		return Settings{}, fmt.Errorf("DOMAIN %q is not a domain name", s.Domain)
	case slices.ContainsFunc(s.Hostnames, func(h string) bool { return !validDomain(h) }):
		return Settings{}, fmt.Errorf("HOSTNAMES %q is not a list of host names", strings.Join(s.Hostnames, ","))
	case s.Postmaster == "":
		return Settings{}, fmt.Errorf("POSTMASTER is not set")
	case s.TLSFlavor != "cert" && s.TLSFlavor != "letsencrypt":
		return Settings{}, fmt.Errorf("TLS_FLAVOR %q is neither cert nor letsencrypt", s.TLSFlavor)
	}
	if err := s.Admin.check(); err != nil {
		return Settings{}, err
	}
	return s.withAddresses(get)
}

func (a InitialAdmin) check() error {
	given := []string{a.Account, a.Domain, a.Password}
	switch {
	case !slices.Contains(given, ""):
	case a == (InitialAdmin{Mode: a.Mode}):
		return nil
	default:
		return fmt.Errorf("INITIAL_ADMIN_ACCOUNT, INITIAL_ADMIN_DOMAIN and INITIAL_ADMIN_PW belong together")
	}
	switch {
	case !validEmail(a.Address()):
		return fmt.Errorf("INITIAL_ADMIN %q is not an address", a.Address())
	case !shellSafeWord.MatchString(a.Password):
		// The admin container hands it to a shell: another character would set another password, or none.
		return fmt.Errorf("INITIAL_ADMIN_PW has characters other than A-Z a-z 0-9 _ -")
	case !slices.Contains([]string{"create", "ifmissing", "update"}, a.Mode):
		return fmt.Errorf("INITIAL_ADMIN_MODE %q is none of create, ifmissing, update", a.Mode)
	}
	return nil
}

// withAddresses adds what is made of addresses, rates and durations.
func (s Settings) withAddresses(get func(name, unset string) string) (_ Settings, err error) {
	if s.Bind, err = netip.ParseAddr(get("BIND_ADDRESS4", "127.0.0.1")); err != nil || !s.Bind.Is4() {
		return Settings{}, fmt.Errorf("BIND_ADDRESS4 is not an IPv4 address")
	}
	if s.PerNetwork, err = parseRate(get("AUTH_RATELIMIT_IP", "5/hour")); err != nil {
		return Settings{}, fmt.Errorf("AUTH_RATELIMIT_IP: %w", err)
	}
	if s.PerUser, err = parseRate(get("AUTH_RATELIMIT_USER", "50/day")); err != nil {
		return Settings{}, fmt.Errorf("AUTH_RATELIMIT_USER: %w", err)
	}
	if s.ExemptFor, err = time.ParseDuration(get("AUTH_RATELIMIT_EXEMPTION_LENGTH", "86400") + "s"); err != nil {
		return Settings{}, fmt.Errorf("AUTH_RATELIMIT_EXEMPTION_LENGTH is not a number of seconds")
	}
	for network := range strings.SplitSeq(get("AUTH_RATELIMIT_EXEMPTION", ""), ",") {
		if network = strings.TrimSpace(network); network == "" {
			continue
		}
		prefix, err := parseNetwork(network)
		if err != nil {
			return Settings{}, fmt.Errorf("AUTH_RATELIMIT_EXEMPTION: %q is not a network", network)
		}
		s.Exempt = append(s.Exempt, prefix)
	}
	return s, nil
}

// parseNetwork reads a network or a single address.
func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err
}
