package dns

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/idna"
)

// Name turns a domain name as Route 53 writes it into the presentation form of RFC 1035: lower case, with its final dot.
// Route 53 writes every byte but letters, digits and a few signs as three octal digits ("\052.example.com." is the
// wildcard); RFC 1035 escapes in decimal, and only what needs it.
func Name(route53 string) string {
	var b strings.Builder
	for i := 0; i < len(route53); {
		c, size := unescape(route53[i:], 8)
		escaped := size > 1
		i += size
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		switch {
		case c == '.' && !escaped:
			b.WriteByte(c)
		case strings.IndexByte(`. '@;()"\`, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	if name := b.String(); strings.HasSuffix(name, ".") && !strings.HasSuffix(name, `\.`) {
		return name
	}
	return b.String() + "."
}

// unescape reads one byte of s, which is not empty: plain, behind a backslash, or as three digits of the base behind one.
// It returns the byte and how much of s spells it.
func unescape(s string, base int) (c byte, size int) {
	if s[0] != '\\' || len(s) == 1 {
		return s[0], 1
	}
	if len(s) < 4 {
		return s[1], 2
	}
	n := 0
	for _, digit := range []byte(s[1:4]) {
		d := int(digit) - '0'
		if d < 0 || d >= base {
			return s[1], 2
		}
		n = n*base + d
	}
	if n > 0xff {
		return s[1], 2
	}
	return byte(n), 4
}

// hostname is a mail host's name in the form of Name; a name in another script becomes its ASCII form ("xn--…").
func hostname(host string) (string, error) {
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(host, "."))
	if err != nil || !strings.Contains(ascii, ".") || len(ascii) > 253-len(leaseLabel) {
		return "", errors.New("hostname is not a host name with its domain")
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 {
			return "", errors.New("hostname is not a host name with its domain")
		}
	}
	return Name(ascii), nil
}
