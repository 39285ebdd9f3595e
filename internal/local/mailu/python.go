package mailu

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
)

// pythonJSON writes v as Python's json.dumps does, which is what Mailu sends: a blank after every comma and colon, ASCII
// only, a newline at the end.
func pythonJSON(v any) ([]byte, error) {
	var compact bytes.Buffer
	encoder := json.NewEncoder(&compact)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	inString, escaped := false, false
	for _, r := range compact.String() {
		switch {
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		case r >= 0x80:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
		if !inString && (r == ',' || r == ':') {
			out.WriteByte(' ')
		}
		if r == '"' && !escaped {
			inString = !inString
		}
		escaped = r == '\\' && !escaped
	}
	return out.Bytes(), nil
}

// pythonRepr writes a decoded JSON value as Python prints it; Mailu's messages about a payload quote values so.
func pythonRepr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		quote := "'"
		if strings.Contains(v, "'") && !strings.Contains(v, `"`) {
			quote = `"`
		}
		return quote + strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(v) + quote
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = pythonRepr(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		if len(v) == 0 {
			return "{}"
		}
		return "{...}"
	default:
		return fmt.Sprint(v) // json.Number
	}
}
