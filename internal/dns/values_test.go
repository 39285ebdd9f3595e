package dns

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

func TestName(t *testing.T) {
	for in, want := range map[string]string{
		"Mail.Example.COM":          "mail.example.com.",
		"mail.example.com.":         "mail.example.com.",
		`\052.example.com.`:         "*.example.com.",
		"*.example.com":             "*.example.com.",
		`a\056b.example.com.`:       `a\.b.example.com.`,
		`b\303\274cher.example.com`: `b\195\188cher.example.com.`,
		`\101.example.com.`:         "a.example.com.",
		`_dmarc.example.com.`:       "_dmarc.example.com.",
		`at\100.example.com.`:       `at\@.example.com.`,
		`end\056`:                   `end\..`,
	} {
		if got := Name(in); got != want {
			t.Errorf("Name(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestHostname(t *testing.T) {
	for in, want := range map[string]string{
		"Mail.Example.com.": "mail.example.com.",
		"post.bücher.de":    "post.xn--bcher-kva.de.",
	} {
		if got, err := hostname(in); got != want || err != nil {
			t.Errorf("hostname(%s) = %s, %v", in, got, err)
		}
	}
	for _, in := range []string{"", ".", "mail", "mail..example.com", "*.example.com", "a b.example.com", "-a.example.com",
		strings.Repeat("a", 64) + ".example.com", strings.Repeat("a.", 125) + "com"} {
		if got, err := hostname(in); err == nil {
			t.Errorf("hostname(%s) = %s", in, got)
		}
	}
}

func TestParseTXT(t *testing.T) {
	for in, want := range map[string][]string{
		`"one"`:                 {"one"},
		`"one" "two"`:           {"one", "two"},
		`"one""two"`:            {"one", "two"},
		`"a \"quote\" \\ \344"`: {"a \"quote\" \\ \xe4"},
		`bare words`:            {"bare", "words"},
		`""`:                    {""},
		"":                      nil,
	} {
		if got, err := ParseTXT(in); err != nil || !slices.Equal(got, want) {
			t.Errorf("ParseTXT(%s) = %q, %v", in, got, err)
		}
	}
	for _, in := range []string{`"`, `"a`, `"a\"`, `"a" "b`} {
		if got, err := ParseTXT(in); err == nil {
			t.Errorf("ParseTXT(%s) = %q", in, got)
		}
	}
}

func TestTXTRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(rapid.Byte(), 0, 600).Draw(t, "text"))
		parts, err := ParseTXT(FormatTXT(text))
		if err != nil || strings.Join(parts, "") != text {
			t.Fatalf("%q, %v", parts, err)
		}
		for _, part := range parts {
			if len(part) > maxString {
				t.Fatalf("a string of %d bytes", len(part))
			}
		}
	})
}

func TestMoveSPF(t *testing.T) {
	old, new := oldServer.IP, newServer.IP
	for in, want := range map[string]string{
		"v=spf1 ip4:203.0.113.10 -all":                            "v=spf1 ip4:198.51.100.20 -all",
		"v=spf1 +IP4:203.0.113.10/32 mx ~all":                     "v=spf1 +IP4:198.51.100.20/32 mx ~all",
		"v=spf1 mx  a:x.example ip4:203.0.113.10 redirect=_s.x":   "v=spf1 mx  a:x.example ip4:198.51.100.20 redirect=_s.x",
		"v=spf1 ip4:203.0.113.100 -all":                           "v=spf1 ip4:203.0.113.100 -all",
		"v=spf1 ip4:203.0.113.0/24 -all":                          "v=spf1 ip4:203.0.113.0/24 ip4:198.51.100.20 -all",
		"v=spf1 ip4:203.0.113.10 ip4:198.51.100.20 -all":          "v=spf1 ip4:198.51.100.20 -all",
		"v=spf1 ip4:198.51.100.20 ip4:203.0.113.0/24 -all":        "v=spf1 ip4:198.51.100.20 ip4:203.0.113.0/24 -all",
		"v=spf1 ip4:203.0.113.10 ip4:203.0.113.0/24 -all":         "v=spf1 ip4:198.51.100.20 ip4:203.0.113.0/24 -all",
		"v=spf1 ip4:0.0.0.0/0":                                    "v=spf1 ip4:0.0.0.0/0",
		"v=spf1 ip4:nonsense ip4:203.0.113.10/x ip6:203.0.113.10": "v=spf1 ip4:nonsense ip4:203.0.113.10/x ip6:203.0.113.10",
	} {
		if got, ok := moveSPF(in, old, new); got != want || ok != (in != want) {
			t.Errorf("moveSPF(%s) = %s, %v", in, got, ok)
		}
	}
	six := netip.MustParseAddr("2001:db8::1")
	if got, ok := moveSPF("v=spf1 ip6:2001:DB8:0:0::1 -all", six, netip.Addr{}); got != "v=spf1 -all" || !ok {
		t.Errorf("without a new address: %s, %v", got, ok)
	}
}

// A policy of several strings is read across their seams.
func TestMoveALongSPF(t *testing.T) {
	text := "v=spf1 " + strings.Repeat("include:a.example.net ", 11) + "ip4:203.0.113.10 -all"
	if len(text) < maxString+5 || strings.Contains(FormatTXT(text), "203.0.113.10") {
		t.Fatal("the seam does not cut the address")
	}
	got, ok := move("TXT", FormatTXT(text), oldServer, newServer)
	if want := strings.Replace(text, "203.0.113.10", "198.51.100.20", 1); !ok || textOf(got) != want {
		t.Errorf("move = %s, %v", got, ok)
	}
}

func TestValidate(t *testing.T) {
	const good = `{"hosted_zone_id":"Z1","hostname":"mail.example.com","old":{"ip":"203.0.113.10","ipv6":""},"new":{"ip":"198.51.100.20"},` +
		`"fencing":7,"execution":{"arn":"a","started_at":"2026-11-24T09:00:00Z","state":"UpdateDns"}}`
	for _, tt := range []struct{ replace, by, complaint string }{
		{"", "", ""},
		{`"Z1"`, `""`, "hosted_zone_id"},
		{"mail.example.com", "mail", "hostname"},
		{`"203.0.113.10"`, `""`, "old.ip"},
		{`"203.0.113.10"`, `"2001:db8::1"`, "old.ip"},
		{`"203.0.113.10"`, `"203.0.113.010"`, "old.ip"},
		{`"203.0.113.10"`, `"198.51.100.20"`, "same"},
		{`"ipv6":""`, `"ipv6":"203.0.113.10"`, "old.ipv6"},
		{`"ipv6":""`, `"ipv6":"fe80::1%eth0"`, "old.ipv6"},
		{`"198.51.100.20"`, `""`, "new.ip"},
		{":7", ":0", "fencing"},
		{`"a"`, `""`, "execution"},
	} {
		var in UpdateInput
		err := strictjson.Unmarshal([]byte(strings.Replace(good, tt.replace, tt.by, 1)), &in)
		if err == nil {
			err = in.Validate()
		}
		if tt.complaint == "" && err != nil || tt.complaint != "" && (err == nil || !strings.Contains(err.Error(), tt.complaint)) {
			t.Errorf("%s -> %s: %v", tt.replace, tt.by, err)
		}
	}
}
