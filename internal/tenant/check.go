package tenant

import (
	"cmp"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"
	"golang.org/x/net/idna"
)

var (
	tenantID   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	zoneID     = regexp.MustCompile(`^[A-Z0-9]{1,32}$`)          // AWS::Route53::HostedZone: at most 32
	identifier = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)    // of servers, volumes and credentials
	slug       = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`) // of providers, regions and server types
)

// reservedID is the audit stream beside those of the tenants, which have their ids for names.
const reservedID = "platform"

const (
	maxName     = 128 // bytes
	maxText     = 256 // bytes, of a reason or a claimed name
	maxDomains  = 100
	maxRegions  = 10
	maxHostKey  = 1024 // bytes
	maxPriority = 9
)

// check refuses a description that a recovery could not work with. The error names the field and quotes no value.
// Which addresses a server may have is checked apart: see Addresses.
func (d Description) check() error {
	return cmp.Or(
		checkID(d.ID),
		checkText("name", d.Name, maxName),
		checkDomain("hostname", d.Hostname),
		match(zoneID, "hosted_zone_id", d.HostedZoneID),
		d.checkDomains(),
		d.checkContact(),
		d.VPS.check("vps"),
		d.checkRegions(),
		checkHostKey("host_key", d.HostKey),
		match(identifier, "credential_id", d.CredentialID),
		d.checkPriority(),
	)
}

func (d Description) checkDomains() error {
	if len(d.Domains) == 0 || len(d.Domains) > maxDomains {
		return fmt.Errorf("domains holds 1 to %d names", maxDomains)
	}
	for i, domain := range d.Domains {
		name := fmt.Sprintf("domains[%d]", i)
		if err := checkDomain(name, domain); err != nil {
			return err
		}
		if slices.Contains(d.Domains[:i], domain) {
			return fmt.Errorf("%s is there twice", name)
		}
	}
	return nil
}

// checkContact refuses an address that dies with the server it is to be told about.
func (d Description) checkContact() error {
	address, err := mail.ParseAddress(d.Contact)
	if err != nil || address.Address != d.Contact || len(d.Contact) > maxText {
		return errors.New("contact is not a plain mail address")
	}
	host := strings.ToLower(d.Contact[strings.LastIndexByte(d.Contact, '@')+1:])
	if err := checkDomain("contact", host); err != nil {
		return err
	}
	for _, own := range append([]string{d.Hostname}, d.Domains...) {
		if host == own || strings.HasSuffix(host, "."+own) {
			return errors.New("contact lies on the tenant's own mail server: it could not be reached when that is down")
		}
	}
	return nil
}

func (d Description) checkRegions() error {
	if len(d.Regions) == 0 || len(d.Regions) > maxRegions {
		return fmt.Errorf("regions holds 1 to %d names", maxRegions)
	}
	for i, region := range d.Regions {
		name := fmt.Sprintf("regions[%d]", i)
		if err := match(slug, name, region); err != nil {
			return err
		}
		if slices.Contains(d.Regions[:i], region) {
			return fmt.Errorf("%s is there twice", name)
		}
	}
	if !slices.Contains(d.Regions, d.VPS.Region) {
		return errors.New("regions lacks the server's own region")
	}
	return nil
}

func (d Description) checkPriority() error {
	if d.Priority < 0 || d.Priority > maxPriority {
		return fmt.Errorf("priority is not 0 to %d", maxPriority)
	}
	return nil
}

func (v VPS) check(name string) error {
	err := cmp.Or(
		match(slug, name+".provider", v.Provider),
		match(identifier, name+".id", v.ID),
		match(slug, name+".region", v.Region),
		match(slug, name+".type", v.Type),
	)
	if err == nil && v.VolumeID != "" {
		err = match(identifier, name+".volume_id", v.VolumeID)
	}
	return err
}

func checkID(id string) error {
	if !tenantID.MatchString(id) {
		return errors.New("tenant_id is not lower-case letters, digits and hyphens, at most 63")
	}
	if id == reservedID {
		return fmt.Errorf("tenant_id %q is taken: the audit trail keeps under it what concerns no tenant", id)
	}
	return nil
}

func match(form *regexp.Regexp, name, value string) error {
	if !form.MatchString(value) {
		return fmt.Errorf("%s does not have the form %s", name, form)
	}
	return nil
}

// checkText admits one line of printable text.
func checkText(name, value string, longest int) error {
	switch {
	case value == "":
		return fmt.Errorf("%s is missing", name)
	case len(value) > longest:
		return fmt.Errorf("%s is longer than %d bytes", name, longest)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%s holds what cannot be printed on one line", name)
	}
	return nil
}

// profile is that of names looked up in the DNS, with their lengths held to.
var profile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.ValidateLabels(true), idna.VerifyDNSLength(true))

// specialUse are the top-level names under which Mailu 2024.06 lets nobody log in: those of RFC 6761 and 7686 which its
// address checker (email-validator) refuses. "example" is not among them.
var specialUse = []string{"arpa", "invalid", "local", "localhost", "onion", "test"}

// checkDomain admits a name in the one form in which names are compared: lower case, A-labels, no final dot.
func checkDomain(name, domain string) error {
	ascii, err := profile.ToASCII(domain)
	last := domain[strings.LastIndexByte(domain, '.')+1:]
	switch {
	case domain == "":
		return fmt.Errorf("%s is missing", name)
	case err != nil || ascii != domain || strings.HasSuffix(domain, "."):
		return fmt.Errorf("%s is not a domain name in lower case and ASCII (xn--… where it is not)", name)
	case last == domain:
		return fmt.Errorf("%s is a single label", name)
	case strings.Trim(last, "0123456789") == "":
		return fmt.Errorf("%s ends in a number", name)
	case slices.Contains(specialUse, last):
		return fmt.Errorf("%s lies under .%s, where Mailu lets nobody log in", name, last)
	}
	return nil
}

// checkHostKey admits one public key as known_hosts has it, without host and comment.
func checkHostKey(name, line string) error {
	key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil || len(rest) > 0 || len(line) > maxHostKey || strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) != line {
		return fmt.Errorf("%s is not one SSH public key: its type and its base64, nothing else", name)
	}
	return nil
}
