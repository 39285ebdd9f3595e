package sealed

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func headerJSON(t testing.TB) string {
	t.Helper()
	file, _ := seal(t, pattern(1))
	p, _, err := independentSplit(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(p[prefixSize:])
}

func TestHeaderComesBackAsWritten(t *testing.T) {
	_, h := seal(t, pattern(1))
	p, err := h.marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := parseHeader(p[prefixSize:])
	if err != nil || !reflect.DeepEqual(back, h) {
		t.Fatalf("%+v, %v\nwant %+v", back, err, h)
	}
	if meta := testMeta(); !reflect.DeepEqual(back.Meta, meta) {
		t.Errorf("meta %+v\nwant %+v", back.Meta, meta)
	}
}

func TestEveryFieldIsRequired(t *testing.T) {
	var h map[string]any
	if err := json.Unmarshal([]byte(headerJSON(t)), &h); err != nil {
		t.Fatal(err)
	}
	objects := map[string]map[string]any{
		"header": h,
		"vault":  h["vault"].(map[string]any),
		"key":    h["keys"].([]any)[0].(map[string]any),
	}
	for object, fields := range objects {
		for name, value := range fields {
			delete(fields, name)
			refuseHeader(t, object+" without "+name, h)
			fields[name] = nil
			refuseHeader(t, object+" with null as "+name, h)
			fields[name] = value
		}
	}
	data, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseHeader(data); err != nil {
		t.Fatalf("whole again, it must pass: %v", err)
	}
}

func refuseHeader(t *testing.T, what string, h map[string]any) {
	t.Helper()
	data, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseHeader(data); !errors.Is(err, ErrHeader) {
		t.Errorf("%s: %v", what, err)
	}
}

func TestHeaderRefuses(t *testing.T) {
	tests := map[string]struct{ old, new string }{
		"capture id without dashes":    {`6f1d2c3a-0b4e-4d7f-9a51-2f6e8c7b9d10`, `6f1d2c3a0b4e4d7f9a512f6e8c7b9d10`},
		"capture id in upper case":     {`6f1d2c3a-`, `6F1D2C3A-`},
		"time with an offset":          {`02:00:31Z`, `03:00:31+01:00`},
		"time with a zero offset":      {`02:00:31Z`, `02:00:31+00:00`},
		"time with needless digits":    {`02:00:31Z`, `02:00:31.500Z`},
		"time without zone":            {`02:00:31Z`, `02:00:31`},
		"threshold above shares":       {`"threshold":3`, `"threshold":6`},
		"threshold 0":                  {`"threshold":3`, `"threshold":0`},
		"negative shares":              {`"shares":5`, `"shares":-5`},
		"no shares of shamir":          {`"shares":5,"threshold":3`, `"shares":0,"threshold":0`},
		"raft index 0":                 {`"raft_index":48213`, `"raft_index":0`},
		"raft index as float":          {`"raft_index":48213`, `"raft_index":4.8213e4`},
		"raft index out of range":      {`"raft_index":48213`, `"raft_index":18446744073709551616`},
		"a string for a number":        {`"shares":5`, `"shares":"5"`},
		"a nested unknown field":       {`"vault":{`, `"vault":{"nodes":3,`},
		"a nested duplicate field":     {`"type":"aws-kms"`, `"type":"aws-kms","type":"aws-kms"`},
		"ciphertext not base64":        {`"ciphertext":"`, `"ciphertext":"*`},
		"ciphertext not padded":        {base64.StdEncoding.EncodeToString(testWrapped), `AAA`},
		"empty ciphertext":             {base64.StdEncoding.EncodeToString(testWrapped), ``},
		"unknown key type":             {`"type":"aws-kms"`, `"type":"gcp-kms"`},
		"key type in another case":     {`"type":"aws-kms"`, `"type":"AWS-KMS"`},
		"recipient in a KMS key":       {`"key_arn"`, `"recipient":"age1","key_arn"`},
		"age key only":                 {`"type":"aws-kms","key_arn"`, `"type":"age","recipient"`},
		"two age keys":                 {`"keys":[`, `"keys":[{"type":"age","recipient":"a","ciphertext":"AAAA"},{"type":"age","recipient":"b","ciphertext":"AAAA"},`},
		"bytes that are not UTF-8":     {`"version":"`, "\"version\":\"\xff"},
		"an array around the object":   {`{"file_id"`, `[{"file_id"`},
		"a byte order mark":            {`{"file_id"`, "\ufeff" + `{"file_id"`},
		"a comment":                    {`{"file_id"`, `/**/{"file_id"`},
		"a newline inside a string":    {`"version":"`, "\"version\":\"\n"},
		"null instead of a list":       {`"audit_devices":["file/"]`, `"audit_devices":null`},
		"null in a list":               {`"audit_devices":["file/"]`, `"audit_devices":[null]`},
		"null as a key":                {`"keys":[`, `"keys":[null,`},
		"empty recipient in a KMS key": {`"key_arn"`, `"recipient":"","key_arn"`},
	}
	header := headerJSON(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(header, tt.old) {
				t.Fatalf("the header holds no %s", tt.old)
			}
			if _, err := parseHeader([]byte(strings.Replace(header, tt.old, tt.new, 1))); !errors.Is(err, ErrHeader) {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, data := range []string{"", "null", "{}", "[]", "1"} {
		if _, err := parseHeader([]byte(data)); !errors.Is(err, ErrHeader) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

func TestHeaderRefusesOtherHex(t *testing.T) {
	_, good := seal(t, pattern(1))
	for name, spoil := range map[string]func(*Header){
		"upper-case file id":    func(h *Header) { h.FileID = strings.Repeat("AB", fileIDSize) },
		"short file id":         func(h *Header) { h.FileID = h.FileID[2:] },
		"file id not hex":       func(h *Header) { h.FileID = strings.Repeat("0x", fileIDSize) },
		"upper-case commitment": func(h *Header) { h.KeyCommitment = strings.Repeat("AB", keySize) },
		"short commitment":      func(h *Header) { h.KeyCommitment = h.KeyCommitment[2:] },
	} {
		h := good
		spoil(&h)
		if _, err := h.marshal(); !errors.Is(err, ErrHeader) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHeaderAccepts(t *testing.T) {
	tests := map[string]struct{ old, new string }{
		"white space":                     {`{"file_id"`, " {\n\t\"file_id\""},
		"escapes":                         {`"shamir"`, `"sham\u0069r"`},
		"no audit devices":                {`["file/"]`, `[]`},
		"a fraction of a second":          {`02:00:31Z`, `02:00:31.5Z`},
		"auto-unseal, no recovery key":    {`"seal_type":"shamir","shares":5,"threshold":3`, `"seal_type":"awskms","shares":0,"threshold":0`},
		"an age key in front":             {`"keys":[`, `"keys":[{"type":"age","recipient":"age1","ciphertext":"AAAA"},`},
		"a content type of another maker": {ContentSnapshot, `text/plain`},
	}
	header := headerJSON(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(header, tt.old) {
				t.Fatalf("the header holds no %s", tt.old)
			}
			if _, err := parseHeader([]byte(strings.Replace(header, tt.old, tt.new, 1))); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHeaderLengthIsCheckedFirst: the length is the writer's word. Nothing is allocated for it, and nothing read.
func TestHeaderLengthIsCheckedFirst(t *testing.T) {
	for _, size := range []uint32{maxHeader + 1, 1 << 31, 1<<32 - 1} {
		file := binary.BigEndian.AppendUint32([]byte("PMDR\x01"), size)
		allocated := testing.AllocsPerRun(10, func() {
			if _, err := open(t.Context(), file, holder(testKey)); !errors.Is(err, ErrHeader) {
				t.Fatalf("%d bytes: %v", size, err)
			}
		})
		if allocated > 20 {
			t.Errorf("%v allocations for %d bytes", allocated, size)
		}
	}
	file := binary.BigEndian.AppendUint32([]byte("PMDR\x01"), maxHeader)
	if _, err := open(t.Context(), file, holder(testKey)); !errors.Is(err, ErrTruncated) {
		t.Errorf("the greatest length: %v", err)
	}
}
