//go:build platform

package suite

import (
	"net/http"
	"slices"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
)

// Mailu's answer to the new password is never believed: it is the hash that counts.
func TestAMailuThatDoesNotSetThePassword(t *testing.T) {
	const json = "application/json"
	for name, tt := range map[string]struct {
		answer   faults.Strike
		fault    string
		attempts int
	}{
		"it says yes to a field that it does not know": {
			faults.Answer(http.StatusOK, json, `{"code":200,"message":"User updated"}`), "MailuRefused", 1},
		"it throttles": {faults.Answer(http.StatusTooManyRequests, json, `{"message":"Too many attempts"}`), "MailuUnavailable", 4},
		"it fails":     {faults.Answer(http.StatusInternalServerError, json, `{"message":"Internal Server Error"}`), "MailuUnavailable", 4},
		"a page comes": {faults.Answer(http.StatusOK, "text/html", "<html>Penguin Mails</html>"), "MailuRefused", 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := aDay(t)
			strike(t, w.Faults.Mailu, faults.Rule{Method: http.MethodPatch, Path: "/api/v1/user/", Strikes: []faults.Strike{tt.answer}})
			r := d.force(t)
			d.putBack(t, r, tt.fault, slices.Concat(through("SetCredentials"), undone)...)
			if n := times(r, "SetCredentials", tt.fault); n != tt.attempts {
				t.Errorf("SetCredentials was tried %d times, want %d", n, tt.attempts)
			}
		})
	}
}

// The API token in Vault becomes another one after the server was given the old one.
func TestATokenThatMailuDoesNotKnow(t *testing.T) {
	d := aDay(t)
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	tokens := client.KVv2("vps")
	was, err := tokens.Get(t.Context(), "globex/mailu_api")
	if err != nil {
		t.Fatal(err)
	}
	put := func(data map[string]any) {
		if _, err := tokens.Put(t.Context(), "globex/mailu_api", data); err != nil {
			t.Error(err)
		}
	}
	strike(t, w.Faults.Vault, faults.Rule{
		Caller: "pmdr-check-mailu", Path: "/v1/vps/data/globex/mailu_api", Times: 1,
		Strikes: []faults.Strike{faults.Before(func() { put(map[string]any{"token": platform.NewPassword().Reveal()}) })},
	})
	r := d.force(t)
	put(was.Data)
	d.putBack(t, r, "MailuRefused", slices.Concat(through("CheckMailu"), undone)...)
}
