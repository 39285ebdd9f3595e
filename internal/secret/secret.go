// Package secret holds values that must never be seen: passwords, tokens, key shares. A value prints as [redacted]
// under every formatting verb, in JSON and in slog, so that a careless %+v of the struct around it gives nothing away.
package secret

import (
	"fmt"
	"log/slog"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const redacted = "[redacted]"

// String is a secret text. The zero value is an empty secret. The text sits behind a pointer so that printing a
// structure by reflection meets an address and not the text.
type String struct{ value *string }

// New wraps a text. Its only way out is Reveal.
func New(text string) String { return String{value: &text} }

// Reveal hands out the text: call it where the secret is sent to its owner (Vault, a mail server) and nowhere else.
func (s String) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether there is no text to protect.
func (s String) Empty() bool { return s.Reveal() == "" }

// Format prints [redacted] under every verb, %#v and %p included.
func (s String) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String makes the type safe for code that asks for a Stringer instead of formatting.
func (s String) String() string { return redacted }

// LogValue makes the type safe for log/slog.
func (s String) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON makes the type safe for encoding/json, and therefore for every Lambda response and every state's output.
func (s String) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// UnmarshalJSON takes a JSON string in: secrets arrive from Vault and Secrets Manager that way.
func (s *String) UnmarshalJSON(data []byte) error {
	if jsontext.Value(data).Kind() != '"' {
		return fmt.Errorf("a secret must be a JSON string")
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a secret must be a JSON string") // the decoder's own error would quote it
	}
	*s = New(text)
	return nil
}
