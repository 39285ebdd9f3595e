package mailu

import (
	"bytes"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// answer is what came back. Mailu's bodies vary: {"code","message"} for most things said, {"message"} for what Flask
// says, {"errors","message"} for what the schema forbids, and HTML for a path that nobody serves. A refused read can
// come with status 200 and the refusal in "code".
//
// Faults quote neither body: the schema's errors repeat the password that they refuse.
type answer struct {
	call     string
	status   int
	kind     string // media type
	body     []byte
	envelope struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
}

// understand sorts out everything that is not an answer of the API, and reads the envelope of what is one.
func (a *answer) understand() error {
	switch {
	case a.status >= http.StatusInternalServerError:
		return fault.MailuUnavailable.Errorf("%s: status %d", a.call, a.status)
	case a.status == http.StatusTooManyRequests:
		// Five wrong tokens in an hour lock the whole /24 out, the right token included; it passes.
		return fault.MailuUnavailable.Errorf("%s: rate limited", a.call)
	case a.kind != "application/json" && a.status == http.StatusForbidden:
		// The front answers so to everything until it has a certificate; a wrong token is refused in JSON.
		return fault.MailuUnavailable.Errorf("%s: the front does not serve the API yet", a.call)
	case a.isShut():
		return fault.MailuRefused.Errorf("%s: status %d, %q: %w", a.call, a.status, a.kind, errShut)
	case a.kind != "application/json":
		return fault.MailuRefused.Errorf("%s: status %d, %q: there is no API at this address", a.call, a.status, a.kind)
	}
	if body := bytes.TrimSpace(a.body); len(body) == 0 || body[0] != '{' {
		return nil // a list has no envelope
	}
	if err := json.Unmarshal(a.body, &a.envelope); err != nil {
		return fault.MailuRefused.Errorf("%s: status %d with a body that is no JSON", a.call, a.status)
	}
	return nil
}

// code is the one that counts: the envelope's, where it has one.
func (a answer) code() int {
	if a.envelope.Code != 0 {
		return a.envelope.Code
	}
	return a.status
}

func (a answer) isGood() bool {
	return a.status == http.StatusOK && a.code() == http.StatusOK
}

// isMissing: Mailu knows the question and has no such thing.
func (a answer) isMissing() bool { return a.envelope.Code == http.StatusNotFound }

func (a answer) refusal() error {
	return fault.MailuRefused.Errorf("%s: status %d, code %d", a.call, a.status, a.code())
}
