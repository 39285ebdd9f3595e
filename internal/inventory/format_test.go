package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

const testSalt = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

func testHead() Head {
	return Head{
		Kind: kindHead, SchemaVersion: schemaVersion,
		CaptureID: "6f1d2c3a-0b4e-4d7f-9a51-2f6e8c7b9d10", ClusterID: "0c7e6a52-7d0c-4f5b-8f43-90a5a1d3c6e2",
		CapturedAt: time.Date(2026, 11, 24, 2, 0, 31, 0, time.UTC), Salt: testSalt,
	}
}

func testInventory() Inventory {
	at := time.Date(2026, 11, 1, 10, 0, 0, 123456789, time.UTC)
	return Inventory{
		Head: testHead(),
		Things: []Thing{
			{kindAudit, "file/", ""}, {kindAuth, "aws/", "aws"}, {kindMount, "smtp/", "kv-v2"},
			{kindPolicy, "snapshot-vault", "ab12"}, {kindRole, "aws/snapshot-vault", ""},
		},
		Secrets: []Secret{
			{kindSecret, "dkim/", "example.org/s1", 1, at, false, "aa"},
			{kindSecret, "smtp/", "<tenant> & söhne/admin", 7, at, false, "bb"},
			{kindSecret, "smtp/", "gone/admin", 2, at, true, ""},
		},
	}
}

func written(t testing.TB, inv Inventory) string {
	t.Helper()
	var b bytes.Buffer
	if err := inv.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// golden is the format in full: an inventory of last year must be readable.
const golden = `{"kind":"inventory","schema_version":1,"capture_id":"6f1d2c3a-0b4e-4d7f-9a51-2f6e8c7b9d10","cluster_id":"0c7e6a52-7d0c-4f5b-8f43-90a5a1d3c6e2","captured_at":"2026-11-24T02:00:31Z","salt":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}
{"kind":"audit-device","name":"file/","detail":""}
{"kind":"auth","name":"aws/","detail":"aws"}
{"kind":"mount","name":"smtp/","detail":"kv-v2"}
{"kind":"policy","name":"snapshot-vault","detail":"ab12"}
{"kind":"role","name":"aws/snapshot-vault","detail":""}
{"kind":"secret","mount":"dkim/","path":"example.org/s1","version":1,"created_time":"2026-11-01T10:00:00.123456789Z","gone":false,"fingerprint":"aa"}
{"kind":"secret","mount":"smtp/","path":"\u003ctenant\u003e \u0026 söhne/admin","version":7,"created_time":"2026-11-01T10:00:00.123456789Z","gone":false,"fingerprint":"bb"}
{"kind":"secret","mount":"smtp/","path":"gone/admin","version":2,"created_time":"2026-11-01T10:00:00.123456789Z","gone":true,"fingerprint":""}
{"kind":"end","secrets":3}
`

func TestFormat(t *testing.T) {
	if got := written(t, testInventory()); got != golden {
		t.Errorf("wrote\n%swant\n%s", got, golden)
	}
	got, err := Read(iotest.OneByteReader(strings.NewReader(golden)))
	if err != nil {
		t.Fatal(err)
	}
	if want := testInventory(); !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%+v\nwant\n%+v", got, want)
	}
}

func TestWriteSetsTheKinds(t *testing.T) {
	inv := testInventory()
	inv.Kind, inv.SchemaVersion = "", 0
	for i := range inv.Secrets {
		inv.Secrets[i].Kind = ""
	}
	if got := written(t, inv); got != golden {
		t.Errorf("wrote\n%s", got)
	}
}

func TestEmptyInventory(t *testing.T) {
	got, err := Read(strings.NewReader(written(t, Inventory{Head: testHead()})))
	if err != nil || len(got.Secrets) != 0 || len(got.Things) != 0 || got.Head != testHead() {
		t.Errorf("read %+v, %v", got, err)
	}
}

func TestWriteFailsWithItsDestination(t *testing.T) {
	full := errors.New("disk full")
	if err := testInventory().Write(writer(func(p []byte) (int, error) { return 0, full })); !errors.Is(err, full) {
		t.Errorf("Write = %v", err)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestCutAnywhere(t *testing.T) {
	for n := range golden {
		if _, err := Read(strings.NewReader(golden[:n])); !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut after %d of %d bytes: Read = %v", n, len(golden), err)
		}
	}
}

func lines() []string { return strings.SplitAfter(strings.TrimSuffix(golden, "\n"), "\n") }

func TestALineLessOrTwiceOrElsewhere(t *testing.T) {
	n := len(lines())
	refuse := func(what string, i int, changed []string) {
		t.Helper()
		changed[len(changed)-1] = strings.TrimSuffix(changed[len(changed)-1], "\n")
		text := strings.Join(changed, "") + "\n"
		if _, err := Read(strings.NewReader(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("line %d %s: Read = %v", i+1, what, err)
		}
	}
	ended := func() []string {
		all := lines()
		all[n-1] += "\n"
		return all
	}
	for i := range n {
		all := ended()
		if !strings.Contains(all[i], `"detail"`) { // the format does not count the things
			refuse("missing", i, append(all[:i:i], all[i+1:]...))
		}
		all = ended()
		refuse("twice", i, append(all[:i+1:i+1], all[i:]...))
		if i+1 < n {
			all = ended()
			all[i], all[i+1] = all[i+1], all[i]
			refuse("after the next", i, all)
		}
	}
}

func TestMalformedLines(t *testing.T) {
	for name, tt := range map[string]struct{ old, new string }{
		"not JSON":              {`{"kind":"auth"`, `{"kind":auth`},
		"a list":                {`{"kind":"auth","name":"aws/","detail":"aws"}`, `["auth"]`},
		"null":                  {`{"kind":"auth","name":"aws/","detail":"aws"}`, `null`},
		"an empty line":         {"{\"kind\":\"auth\"", "\n{\"kind\":\"auth\""},
		"trailing data":         {`"detail":"aws"}`, `"detail":"aws"} {}`},
		"unknown kind":          {`"kind":"auth"`, `"kind":"token"`},
		"no kind":               {`{"kind":"auth",`, `{`},
		"kind in another case":  {`{"kind":"auth"`, `{"Kind":"auth"`},
		"kind twice":            {`{"kind":"auth"`, `{"kind":"mount","kind":"auth"`},
		"field twice":           {`"name":"aws/"`, `"name":"aws/","name":"aws/"`},
		"unknown field":         {`"name":"aws/"`, `"name":"aws/","more":1`},
		"field of another kind": {`"kind":"auth","name":"aws/"`, `"kind":"auth","name":7`},
		"no name":               {`"name":"aws/"`, `"name":""`},
		"second head":           {`{"kind":"auth","name":"aws/","detail":"aws"}`, strings.TrimSuffix(lines()[0], "\n")},
		"a line too long":       {`"name":"aws/"`, `"name":"` + strings.Repeat("x", 1<<20) + `"`},

		"another schema":      {`"schema_version":1`, `"schema_version":2`},
		"no schema":           {`"schema_version":1,`, ``},
		"no capture":          {`"capture_id":"6f1d2c3a-0b4e-4d7f-9a51-2f6e8c7b9d10",`, ``},
		"no cluster":          {`"cluster_id":"0c7e6a52-7d0c-4f5b-8f43-90a5a1d3c6e2",`, ``},
		"no time":             {`"captured_at":"2026-11-24T02:00:31Z",`, ``},
		"no date":             {`"captured_at":"2026-11-24T02:00:31Z",`, `"captured_at":"yesterday",`},
		"a short salt":        {testSalt, testSalt[2:]},
		"a salt not of hex":   {testSalt, "zz" + testSalt[2:]},
		"no mount":            {`"mount":"dkim/"`, `"mount":""`},
		"no path":             {`"path":"example.org/s1"`, `"path":""`},
		"version 0":           {`"version":1`, `"version":0`},
		"half a version":      {`"version":1,`, `"version":1.5,`},
		"not created":         {`"version":1,"created_time":"2026-11-01T10:00:00.123456789Z",`, `"version":1,`},
		"there, not printed":  {`"fingerprint":"aa"`, `"fingerprint":""`},
		"gone and printed":    {`"gone":true,"fingerprint":""`, `"gone":true,"fingerprint":"aa"`},
		"gone is a string":    {`"gone":true`, `"gone":"true"`},
		"one secret too many": {`"secrets":3`, `"secrets":2`},
		"one secret too few":  {`"secrets":3`, `"secrets":4`},
		"an end uncounted":    {`"kind":"end","secrets":3`, `"kind":"end"`},
		"something after":     {`"secrets":3}` + "\n", `"secrets":3}` + "\n\n"},
		"two ends":            {`"secrets":3}` + "\n", `"secrets":3}` + "\n" + `{"kind":"end","secrets":3}` + "\n"},
	} {
		text := strings.Replace(golden, tt.old, tt.new, 1)
		if text == golden {
			t.Fatalf("%s: nothing was changed", name)
		}
		if got, err := Read(strings.NewReader(text)); !errors.Is(err, ErrMalformed) || !reflect.DeepEqual(got, Inventory{}) {
			t.Errorf("%s: Read = %+v, %v", name, got, err)
		}
	}
}

// An error of the source says nothing about the file.
func TestSourceFails(t *testing.T) {
	away := errors.New("network")
	_, err := Read(io.MultiReader(strings.NewReader(golden[:300]), iotest.ErrReader(away)))
	if !errors.Is(err, away) || errors.Is(err, ErrMalformed) {
		t.Errorf("Read = %v", err)
	}
}

func TestFingerprint(t *testing.T) {
	print := func(h Head, text string) string {
		t.Helper()
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var data map[string]any
		if err := decoder.Decode(&data); err != nil {
			t.Fatal(err)
		}
		got, err := h.Fingerprint(data)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	h := testHead()
	// Computed apart from this program: HMAC-SHA-256 under the salt over {"a":1,"b":"x"}.
	if got, want := print(h, `{"b":"x","a":1}`), "e8ecd7b7a19fbb61a416b75ab54c2a6423a27cb4ce35427987f737f196c3a25d"; got != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
	if print(h, `{"a":{"x":[1,{"p":1,"q":2}],"y":null},"b":"ü"}`) != print(h, `{"b":"\u00fc","a":{"y":null,"x":[1,{"q":2,"p":1}]}}`) {
		t.Error("the order of keys, or an escape, changes the fingerprint")
	}
	seen := map[string]string{}
	for _, text := range []string{
		`{}`, `{"a":1}`, `{"a":"1"}`, `{"a":1.0}`, `{"a":12345678901234567890}`, `{"a":12345678901234567891}`, `{"a":true}`,
		`{"a":null}`, `{"a":[]}`, `{"a":{}}`, `{"a":[1,2]}`, `{"a":[2,1]}`, `{"a":"ü"}`, `{"a":"u\u0308"}`, `{"a":"<"}`, `{"a":"\\u003c"}`, `{"A":1}`, `{"a":1,"b":2}`,
	} {
		got := print(h, text)
		if other, there := seen[got]; there {
			t.Errorf("%s and %s have one fingerprint", text, other)
		}
		seen[got] = text
	}
	other := h
	other.Salt = strings.Repeat("ff", 32)
	if print(h, `{"a":1}`) == print(other, `{"a":1}`) {
		t.Error("the salt does not matter")
	}
	for name, salt := range map[string]string{"none": "", "short": testSalt[2:], "long": testSalt + "00", "no hex": "zz" + testSalt[2:]} {
		if _, err := (Head{Salt: salt}).Fingerprint(map[string]any{}); err == nil {
			t.Errorf("a salt is accepted: %s", name)
		}
	}
	if _, err := h.Fingerprint(map[string]any{"password": func() {}}); err == nil {
		t.Error("what is not JSON has a fingerprint")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(golden))
	f.Add([]byte(written(f, Inventory{Head: testHead()})))
	for _, line := range lines() {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		first, err := Read(bytes.NewReader(in))
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("an error without ErrMalformed: %v", err)
			}
			return
		}
		text := written(t, first)
		second, err := Read(strings.NewReader(text))
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v\n%s", err, text)
		}
		if again := written(t, second); again != text {
			t.Errorf("written twice, it differs:\n%s\n%s", text, again)
		}
	})
}
