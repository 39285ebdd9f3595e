package audit

import (
	"strings"
	"testing"
)

// vector is a body and its hash as sha256sum gives it: printf 'PMDR-AUDIT/1\n%s' "$body" | sha256sum.
const (
	vector     = `{"stream":"platform","seq":1,"id":"6de9379c-5b1c-5c45-b490-825163ac8584","event":"vault_backup_completed","tenant_id":"","user_id":"rule/nightly","actor_arn":"unverified","timestamp":"2026-11-24T02:03:04Z","severity":"info","ip_address":"","details":{"slot":"backups/2026-11-24"},"prev_hash":""}`
	vectorHash = "962ba317c16f143c2d620e2fe532e704c8c802b98c56aa15ba7e99387cefe308"
)

func TestHashVector(t *testing.T) {
	if got := Hash(vector); got != vectorHash {
		t.Errorf("Hash = %s, want %s", got, vectorHash)
	}
	r, err := Parse(vector)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.encode(); err != nil || again != vector {
		t.Errorf("encode = %s, %v", again, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, change := range map[string][2]string{
		"unknown field":      {`"seq":1`, `"seq":1,"sequence":1`},
		"field twice":        {`"seq":1`, `"seq":1,"seq":1`},
		"letter case":        {`"seq":1`, `"Seq":1`},
		"seq 0":              {`"seq":1`, `"seq":0`},
		"fractional seq":     {`"seq":1`, `"seq":1.5`},
		"no stream":          {`"platform"`, `""`},
		"marker's stream":    {`"platform"`, `"id#1"`},
		"local time":         {`02:03:04Z`, `02:03:04+01:00`},
		"no timestamp":       {`"timestamp":"2026-11-24T02:03:04Z",`, ``},
		"details a string":   {`{"slot":"backups/2026-11-24"}`, `"x"`},
		"details missing":    {`"details":{"slot":"backups/2026-11-24"},`, ``},
		"prev_hash on first": {`"prev_hash":""`, `"prev_hash":"00"`},
		"no prev_hash later": {`"seq":1`, `"seq":2`},
		"no event":           {`"vault_backup_completed"`, `""`},
		"something after":    {`"prev_hash":""}`, `"prev_hash":""} {}`},
		"cut short":          {`"prev_hash":""}`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			body := strings.Replace(vector, change[0], change[1], 1)
			if body == vector {
				t.Fatal("the case changes nothing")
			}
			if r, err := Parse(body); err == nil {
				t.Errorf("Parse took it: %+v", r)
			}
		})
	}
}

// FuzzParse: whatever is accepted is within the rules and survives being written and read again.
func FuzzParse(f *testing.F) {
	f.Add(vector)
	f.Add(strings.Replace(vector, `"seq":1`, `"seq":9007199254740993`, 1))
	f.Add(strings.Replace(vector, `nightly`, `\ud83d\ude00\u0000\"\n`, 1))
	f.Add(strings.Replace(vector, `"slot"`, `"a":[1e400,-0,{"b":null}],"slot"`, 1))
	f.Add(`{}`)
	f.Fuzz(func(t *testing.T, body string) {
		r, err := Parse(body)
		if err != nil {
			return
		}
		if err := r.check(); err != nil {
			t.Fatalf("accepted against the rules: %v", err)
		}
		first, err := r.encode()
		if err != nil {
			t.Fatalf("accepted and cannot be written: %v", err)
		}
		again, err := Parse(first)
		if err != nil {
			t.Fatalf("written and cannot be read: %v", err)
		}
		if second, err := again.encode(); err != nil || second != first {
			t.Fatalf("written twice, differently:\n%s\n%s", first, second)
		}
	})
}
