package mailu

import (
	"regexp"
	"slices"
	"strings"
)

var (
	domainName = regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?i:[a-z]([a-z0-9-]{0,61}[a-z0-9])?)$`)
	localPart  = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$")
)

func validDomain(name string) bool { return len(name) <= 253 && domainName.MatchString(name) }

func validEmail(address string) bool {
	local, domain, ok := splitAddress(address)
	return ok && len(local) <= 64 && localPart.MatchString(local) && validDomain(domain)
}

// splitAddress cuts at the last @.
func splitAddress(address string) (local, domain string, ok bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", "", false
	}
	return address[:at], address[at+1:], true
}

// specialTLDs are refused by the login form's own check of addresses, whatever accounts exist: a user of example.test
// reads mail over IMAP and never gets into the webmail. (The names of RFC 6761 and its kin.)
var specialTLDs = []string{"arpa", "invalid", "local", "localhost", "onion", "test"}

// acceptedByForm tells whether the login form takes the address.
func acceptedByForm(address string) bool {
	tld := strings.ToLower(address[strings.LastIndexByte(address, '.')+1:])
	return validEmail(address) && !slices.Contains(specialTLDs, tld)
}
