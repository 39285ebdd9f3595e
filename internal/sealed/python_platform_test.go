//go:build platform

package sealed

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/penguinmails/disaster-recovery/internal/sealed/sealedtest"
)

// The reader in another language, written from the page, agrees about every vector.
func TestPythonReadsTheVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.File, func(t *testing.T) {
			key := filepath.Join(t.TempDir(), "data.key")
			if err := os.WriteFile(key, unhex(t, v.DataKey), 0o600); err != nil {
				t.Fatal(err)
			}
			result, plaintext := sealedtest.UnsealPy(t, "../..", filepath.Join(vectorDir, v.File), "--data-key", key)
			checkVector(t, v, plaintext, result)
		})
	}
}

// It opens with the age identity alone, and with no other.
func TestPythonReadsWithAnIdentity(t *testing.T) {
	identity, file := filepath.Join(vectorDir, identityFile), filepath.Join(vectorDir, "age-recipient.enc")
	if result, plaintext := sealedtest.UnsealPy(t, "../..", file, "--identity", identity); result != "ok" || !bytes.Equal(plaintext, pattern(1000)) {
		t.Errorf("%s, %d bytes", result, len(plaintext))
	}
	if result, _ := sealedtest.UnsealPy(t, "../..", filepath.Join(vectorDir, "one-byte.enc"), "--identity", identity); result != "wrong-key" {
		t.Errorf("a file for KMS alone: %s", result)
	}
	other := filepath.Join(t.TempDir(), "other.txt")
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, []byte("# a stranger\n"+stranger.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if result, _ := sealedtest.UnsealPy(t, "../..", file, "--identity", other); result != "wrong-key" {
		t.Errorf("a stranger's identity: %s", result)
	}
}

// Headers about which JSON libraries differ, of files that are sound otherwise: the two readers must not.
func TestReadersAgreeOnOddHeaders(t *testing.T) {
	p, _, err := independentSplit(readVectors(t)[0].content)
	if err != nil {
		t.Fatal(err)
	}
	header := string(p[prefixSize:])
	h, err := parseHeader(p[prefixSize:])
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "data.key")
	if err := os.WriteFile(key, testKey, 0o600); err != nil {
		t.Fatal(err)
	}
	const mounts, index, seal = `["dkim/","smtp/","transit/","vps/"]`, `"raft_index":48213`, `"seal_type":"shamir","shares":5,"threshold":3`
	arn := `"key_arn":"` + h.Keys[0].KeyARN + `"`
	for name, c := range map[string]struct{ old, new, want string }{
		"nothing":                {`{`, `{`, "ok"},
		"white space":            {`"shares":5,`, "\n\t\"shares\" : 5 ,\r ", "ok"},
		"an escape":              {`"shamir"`, `"\u0073hamir"`, "ok"},
		"an escaped name":        {`"shares"`, `"sh\u0061res"`, "ok"},
		"no mounts":              {mounts, `[]`, "ok"},
		"a whole surrogate pair": {`"shamir"`, `"\ud83d\udc27"`, "ok"},
		"half a surrogate pair":  {`"shamir"`, `"sh\ud800"`, "bad-header"},
		"invalid UTF-8":          {`"shamir"`, "\"\xff\"", "bad-header"},
		"a control character":    {`"shamir"`, "\"\x01\"", "bad-header"},
		"a byte order mark":      {`{"file_id"`, "\ufeff{\"file_id\"", "bad-header"},
		"a comment":              {`{"file_id"`, `{/**/"file_id"`, "bad-header"},
		"a comma too many":       {`}]}`, `}],}`, "bad-header"},
		"an array":               {header, `[` + header + `]`, "bad-header"},

		"a fraction of a second": {`:31Z`, `:31.25Z`, "ok"},
		"a trailing zero":        {`:31Z`, `:31.250Z`, "bad-header"},
		"ten digits of a second": {`:31Z`, `:31.1234567891Z`, "bad-header"},
		"the 61st second":        {`:31Z`, `:60Z`, "bad-header"},
		"an offset":              {`:31Z`, `:31+00:00`, "bad-header"},
		"no zone":                {`:31Z`, `:31`, "bad-header"},
		"a small z":              {`:31Z`, `:31z`, "bad-header"},
		"the 13th month":         {`2026-11-24T`, `2026-13-24T`, "bad-header"},
		"the first moment":       {`2026-11-24T02:00:31Z`, `0001-01-01T00:00:00Z`, "bad-header"},

		"the last index":     {index, `"raft_index":18446744073709551615`, "ok"},
		"one more":           {index, `"raft_index":18446744073709551616`, "bad-header"},
		"index 0":            {index, `"raft_index":0`, "bad-header"},
		"a fraction":         {index, `"raft_index":48213.0`, "bad-header"},
		"an exponent":        {index, `"raft_index":48213e0`, "bad-header"},
		"a negative number":  {index, `"raft_index":-48213`, "bad-header"},
		"a leading zero":     {index, `"raft_index":048213`, "bad-header"},
		"a number as text":   {index, `"raft_index":"48213"`, "bad-header"},
		"true":               {`"threshold":3`, `"threshold":true`, "bad-header"},
		"NaN":                {`"threshold":3`, `"threshold":NaN`, "bad-header"},
		"shares past an int": {`"shares":5`, `"shares":9223372036854775808`, "bad-header"},

		"threshold above shares": {`"threshold":3`, `"threshold":6`, "bad-header"},
		"no shares, shamir":      {seal, `"seal_type":"shamir","shares":0,"threshold":0`, "bad-header"},
		"no shares, auto-unseal": {seal, `"seal_type":"awskms","shares":0,"threshold":0`, "ok"},
		"minus no shares":        {seal, `"seal_type":"awskms","shares":-0,"threshold":0`, "bad-header"},
		"null for a list":        {mounts, `null`, "bad-header"},
		"null in a list":         {mounts, `[null]`, "bad-header"},
		"null for a text":        {`"shamir"`, `null`, "bad-header"},
		"an empty text":          {`"shamir"`, `""`, "bad-header"},
		"upper-case hex":         {h.KeyCommitment, strings.ToUpper(h.KeyCommitment), "bad-header"},
		"an upper-case UUID":     {h.CaptureID, strings.ToUpper(h.CaptureID), "bad-header"},

		"base64 without padding":   {`tleQ=="`, `tleQ"`, "bad-header"},
		"base64 with unused bits":  {`tleQ=="`, `tleR=="`, "bad-header"},
		"base64 with a line break": {`tleQ=="`, `tleQ==\n"`, "bad-header"},
		"an empty ciphertext":      {`"` + base64.StdEncoding.EncodeToString(h.Keys[0].Ciphertext) + `"`, `""`, "bad-header"},
		"an unknown type of key":   {`"aws-kms"`, `"kms"`, "bad-header"},
		"a type that is no text":   {`"aws-kms"`, `["aws-kms"]`, "bad-header"},
		"a field of the other":     {arn, arn + `,"recipient":""`, "bad-header"},
		"an empty ARN":             {arn, `"key_arn":""`, "bad-header"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(header, c.old) {
				t.Fatalf("the header holds no %s", c.old)
			}
			file := independentSeal([]byte(strings.Replace(header, c.old, c.new, 1)), testKey, unhex(t, h.FileID), pattern(1))
			path := filepath.Join(t.TempDir(), "odd.enc")
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := open(t.Context(), file, holder(testKey))
			if second, _ := sealedtest.UnsealPy(t, "../..", path, "--data-key", key); result(err) != c.want || second != c.want {
				t.Errorf("want %s; Go says %s (%v), Python %s", c.want, result(err), err, second)
			}
		})
	}
}
