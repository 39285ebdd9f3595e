package mailprobe

import (
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

func TestLogins(t *testing.T) {
	for name, tt := range map[string]struct {
		change   func(*mailServer)
		password string
		want     Logins
	}{
		"the right password":  {nil, password, Logins{Accepted, Accepted}},
		"a wrong password":    {nil, "wrong", Logins{Refused, Refused}},
		"everybody is locked": {func(s *mailServer) { s.nothing = true }, password, Logins{Refused, Refused}},
	} {
		s := startMailServer(t, tt.change)
		got, err := s.network.Logins(t.Context(), target, Credential{Username: username, Password: secret.New(tt.password)})
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, tt.want)
		}
		if s.logins != 2 {
			t.Errorf("%s: %d logins, and the server counts them", name, s.logins)
		}
	}
}

func TestLoginsAtAPortThatDoesNotAnswer(t *testing.T) {
	wrong := Credential{Username: username, Password: secret.New("wrong-" + password)}
	for name, change := range map[string]func(*mailServer){
		"IMAPS breaks off":     func(s *mailServer) { s.cutsIMAP = true },
		"nobody listens there": nil,
	} {
		s := startMailServer(t, change)
		if change == nil {
			s.network.Ports.SMTPS = 1
		}
		got, err := s.network.Logins(t.Context(), target, wrong)
		if !fault.Is(err, fault.ServerUnreachable) || got != (Logins{}) || strings.Contains(err.Error(), password) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestLoginsSayAllOrNothing(t *testing.T) {
	for _, l := range []Logins{{}, {Accepted, Refused}, {Refused, ""}} {
		if l.Accepted() || l.Refused() {
			t.Errorf("%+v is %v or %v", l, l.Accepted(), l.Refused())
		}
	}
}
