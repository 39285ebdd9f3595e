package vault

import (
	"slices"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

func TestListSecretsWalks(t *testing.T) {
	n := vaulttest.Start(t)
	for folder, keys := range map[string]string{
		"smtp/metadata":           `"a","b/","per cent%/"`,
		"smtp/metadata/b":         `"admin","deep/"`,
		"smtp/metadata/b/deep":    `"x"`,
		"smtp/metadata/per cent%": `"grüße"`,
	} {
		n.On("GET "+folder, vaulttest.JSON(200, `{"data":{"keys":[`+keys+`]}}`))
	}
	got, err := loggedIn(t, n).ListSecrets(t.Context(), "smtp/")
	if want := []string{"a", "b/admin", "per cent%/grüße", "b/deep/x"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("ListSecrets = %q, %v, want %q", got, err, want)
	}
	for _, r := range n.Requests() {
		if r.Query != "list=true" {
			t.Errorf("%s?%s is no listing", r, r.Query)
		}
	}
	got, err = loggedIn(t, n).ListSecrets(t.Context(), "empty/")
	if err != nil || len(got) != 0 {
		t.Errorf("an empty mount: %q, %v", got, err)
	}
}

func TestListSecretsFailsWhole(t *testing.T) {
	n := vaulttest.Start(t)
	s := loggedIn(t, n)
	n.On("GET smtp/metadata", vaulttest.JSON(200, `{"data":{"keys":["a","b/"]}}`))
	n.On("GET smtp/metadata/b", vaulttest.JSON(403, `{"errors":["permission denied"]}`))
	got, err := s.ListSecrets(t.Context(), "smtp/")
	wantFault(t, "a folder that is refused", err, fault.VaultRefused)
	if got != nil {
		t.Errorf("half a list: %q", got)
	}
	n.On("GET smtp/metadata/b", vaulttest.JSON(200, `{"data":{"keys":[7]}}`))
	_, err = s.ListSecrets(t.Context(), "smtp/")
	wantFault(t, "a key that is a number", err, fault.VaultRefused)
}

// The answers are those of a real Vault 1.21 (kv_platform_test.go asks it the same).
func TestReadSecret(t *testing.T) {
	created := time.Date(2026, 11, 24, 2, 0, 0, 123456789, time.UTC)
	const metadata = `"created_time":"2026-11-24T02:00:00.123456789Z","custom_metadata":null,`
	for name, tt := range map[string]struct {
		status int
		body   string
		want   *Secret
	}{
		"there": {200, `{"data":{"data":{"username":"admin"},"metadata":{` + metadata + `"deletion_time":"","destroyed":false,"version":3}}}`,
			&Secret{Data: map[string]any{"username": "admin"}, Version: 3, CreatedTime: created}},
		"empty": {200, `{"data":{"data":{},"metadata":{` + metadata + `"deletion_time":"","destroyed":false,"version":3}}}`,
			&Secret{Data: map[string]any{}, Version: 3, CreatedTime: created}},
		"to be deleted": {200, `{"data":{"data":{},"metadata":{` + metadata + `"deletion_time":"2126-11-24T02:00:00Z","destroyed":false,"version":3}}}`,
			&Secret{Data: map[string]any{}, Version: 3, CreatedTime: created}},
		"deleted": {404, `{"data":{"data":null,"metadata":{` + metadata + `"deletion_time":"2026-11-24T03:00:00Z","destroyed":false,"version":3}}}`,
			&Secret{Version: 3, CreatedTime: created, Gone: true}},
		"destroyed": {404, `{"data":{"data":null,"metadata":{` + metadata + `"deletion_time":"","destroyed":true,"version":3}}}`,
			&Secret{Version: 3, CreatedTime: created, Gone: true}},
		"nowhere":       {404, `{"errors":[]}`, nil},
		"no such mount": {404, `{"errors":["no handler for route \"smtp/data/t/admin\". route entry not found."]}`, nil},
	} {
		n := vaulttest.Start(t)
		n.On("GET smtp/data/t/admin", vaulttest.JSON(tt.status, tt.body))
		for version, query := range map[int]string{0: "", 3: "version=3"} {
			got, err := loggedIn(t, n).ReadSecret(t.Context(), "smtp/", "t/admin", version)
			switch {
			case err != nil:
				t.Errorf("%s: %v", name, err)
			case (got == nil) != (tt.want == nil):
				t.Errorf("%s: %+v, want %+v", name, got, tt.want)
			case got != nil && !same(*got, *tt.want):
				t.Errorf("%s: %+v, want %+v", name, got, tt.want)
			}
			if last := n.Requests()[len(n.Requests())-1]; last.Query != query {
				t.Errorf("%s: asked with %q, want %q", name, last.Query, query)
			}
		}
	}
}

func same(a, b Secret) bool {
	return a.Version == b.Version && a.CreatedTime.Equal(b.CreatedTime) && a.Gone == b.Gone &&
		(a.Data == nil) == (b.Data == nil) && len(a.Data) == len(b.Data) && a.Data["username"] == b.Data["username"]
}

func TestReadSecretOfAnotherShape(t *testing.T) {
	const version = `"metadata":{"version":1,"created_time":"2026-11-24T02:00:00Z"}`
	for name, body := range map[string]string{
		"no version":       `{"data":{"data":{}},"warnings":["odd"]}`,
		"version 0":        `{"data":{"data":{},"metadata":{"version":0,"created_time":"2026-11-24T02:00:00Z"}}}`,
		"no time":          `{"data":{"data":{},"metadata":{"version":1}}}`,
		"no data":          `{"data":{"data":null,` + version + `}}`,
		"warnings alone":   `{"data":null,"warnings":["odd"]}`,
		"kv v1":            `{"data":{"password":"never-to-be-seen"}}`,
		"data is a string": `{"data":{"data":"never-to-be-seen",` + version + `}}`,
	} {
		n := vaulttest.Start(t)
		n.On("GET smtp/data/t/admin", vaulttest.JSON(200, body))
		found, err := loggedIn(t, n).ReadSecret(t.Context(), "smtp/", "t/admin", 0)
		if found != nil || err == nil {
			t.Errorf("%s: found %+v", name, found)
		}
		noSecret(t, name, err)
	}
}
