package notice

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// unknown stands for a fact that the runbook did not hand over: an alert with a gap is worth more than none.
const unknown = "unknown"

// facts are the details of an event. Letters pick by name what they tell; what has no name in a letter stays out of it.
type facts map[string]jsontext.Value

func factsOf(details jsontext.Value) (facts, error) {
	var f facts
	return f, json.Unmarshal(details, &f)
}

// text is a string or number as one line; unknown for anything else.
func (f facts) text(key string) string { return f.long(key, longestFact) }

// long is text of so many characters.
func (f facts) long(key string, longest int) string {
	v := f[key]
	switch v.Kind() {
	case '0':
		return cut(string(v), longest)
	case '"':
		var s string
		if json.Unmarshal(v, &s) == nil && strings.TrimSpace(s) != "" {
			return cut(s, longest)
		}
	}
	return unknown
}

// none stands for a list without entries.
const none = "none"

// list is an array of texts in one line.
func (f facts) list(key string) string {
	var entries []string
	if json.Unmarshal(f[key], &entries) != nil || len(entries) == 0 {
		return none
	}
	return oneLine(strings.Join(entries, ", "))
}

// listed is a list of which the first entries are shown, in one line.
func (f facts) listed(key string) string {
	var list struct {
		Count int      `json:"count"`
		Shown []string `json:"shown"`
	}
	if json.Unmarshal(f[key], &list) != nil || list.Count == 0 {
		return none
	}
	text := oneLine(strings.Join(list.Shown, ", "))
	if more := list.Count - len(list.Shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// yes is a truth; anything else is none.
func (f facts) yes(key string) bool { return f[key].Kind() == 't' }

// number is a JSON number; ok is false where there is none.
func (f facts) number(key string) (n float64, ok bool) {
	if v := f[key]; v.Kind() == '0' {
		n, err := strconv.ParseFloat(string(v), 64)
		return n, err == nil
	}
	return 0, false
}

// bytes is a size for people and for machines: "12.3 MiB (12884902 bytes)".
func (f facts) bytes(key string) string {
	n, ok := f.number(key)
	if !ok {
		return unknown
	}
	const kibi = 1024
	size, unit := n, 0
	for size >= kibi && unit < len(units)-1 {
		size, unit = size/kibi, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%.0f bytes", n)
	}
	return fmt.Sprintf("%.1f %s (%.0f bytes)", size, units[unit], n)
}

var units = []string{"bytes", "KiB", "MiB", "GiB", "TiB"}

// seconds is a measured time held against its objective: "6m52s (412 s; objective 30m0s: met)".
func (f facts) seconds(key string, objective time.Duration) string {
	n, ok := f.number(key)
	if !ok || n < 0 || n > 1e9 {
		return unknown
	}
	verdict := "met"
	if n > objective.Seconds() {
		verdict = "MISSED"
	}
	took := time.Duration(n * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%v (%s s; objective %v: %s)", took, f.text(key), objective, verdict)
}

// longestFact is how many characters of a value are shown.
const longestFact = 300

// oneLine makes a value of unknown origin one printable line: nobody writes a second "Next:" into a notice.
func oneLine(s string) string { return cut(s, longestFact) }

func cut(s string, longest int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > longest {
		s = string(runes[:longest-1]) + "…"
	}
	return s
}
