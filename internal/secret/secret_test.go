package secret

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

const planted = "correct-horse-battery"

type holder struct {
	Name     string
	Password String
	Deep     []map[string]String
	hidden   String
	Pointer  *String
}

func held() holder {
	s := New(planted)
	return holder{"n", s, []map[string]String{{"k": s}}, s, &s}
}

func TestNeverPrinted(t *testing.T) {
	h := held()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%T %v", "%t"} {
		var text string
		if verb == "%T %v" {
			text = fmt.Sprintf(verb, h, h)
		} else {
			text = fmt.Sprintf(verb, h)
		}
		hex := fmt.Sprintf("%x", planted)
		if strings.Contains(text, planted) || strings.Contains(strings.ToLower(text), hex) {
			t.Errorf("%s prints the secret", verb)
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "h", h, "s", h.Password, "p", h.Pointer)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "h", h, "s", h.Password, "p", h.Pointer)
	std, err := stdjson.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	exp, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"slog": log.String(), "encoding/json": string(std), "json": string(exp)} {
		if strings.Contains(text, planted) {
			t.Errorf("%s prints the secret", name)
		}
		if !strings.Contains(text, redacted) {
			t.Errorf("%s does not say [redacted]: %s", name, text)
		}
	}
}

func TestUnmarshal(t *testing.T) {
	var h struct {
		Shares []String `json:"shares"`
	}
	if err := stdjson.Unmarshal([]byte(`{"shares":["a\"b","c"]}`), &h); err != nil {
		t.Fatal(err)
	}
	if h.Shares[0].Reveal() != `a"b` || h.Shares[1].Reveal() != "c" {
		t.Error("a secret did not survive decoding")
	}
	var s String
	if err := s.UnmarshalJSON([]byte(`12`)); err == nil {
		t.Error("a number was taken for a secret")
	}
	if !s.Empty() || New("x").Empty() {
		t.Error("Empty is wrong")
	}
}
