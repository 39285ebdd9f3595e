package dns

import (
	"errors"
	"fmt"
	"strings"
)

// maxString is what one character string of a TXT record holds; longer texts are several strings, joined without
// anything between (RFC 7208, section 3.3).
const maxString = 255

// ParseTXT reads the value of a TXT record as Route 53 writes it: strings in double quotes, with spaces between, in which
// a backslash stands before a quote, a backslash or three octal digits. A string may also stand without quotes.
func ParseTXT(value string) ([]string, error) {
	var all []string
	for rest := strings.TrimLeft(value, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		quoted := rest[0] == '"'
		if quoted {
			rest = rest[1:]
		}
		var text []byte
		closed := !quoted
		for rest != "" {
			if quoted && rest[0] == '"' {
				rest, closed = rest[1:], true
				break
			}
			if !quoted && strings.IndexByte(" \t", rest[0]) >= 0 {
				break
			}
			c, size := unescape(rest, 8)
			text = append(text, c)
			rest = rest[size:]
		}
		if !closed {
			return nil, errors.New("a string of a TXT record has no closing quote")
		}
		all = append(all, string(text))
	}
	return all, nil
}

// FormatTXT writes a text as the value of a TXT record, in as many strings as it needs.
func FormatTXT(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		if i > 0 && i%maxString == 0 {
			b.WriteString(`" "`)
		}
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// textOf is the joined text of a TXT record's value; a value that cannot be read is its own text.
func textOf(value string) string {
	parts, err := ParseTXT(value)
	if err != nil {
		return value
	}
	return strings.Join(parts, "")
}
