package mailu

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/penguinmails/disaster-recovery/internal/remote"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// Through is the way to what Mailu holds. Both go over SSH with the pinned host key.
type Through string

const (
	// ThroughAPI is the usual one: Mailu's API, through a tunnel.
	ThroughAPI Through = "api"
	// ThroughCommand is Mailu's own command in its admin container, for a server whose API refuses.
	ThroughCommand Through = "command"
)

// Validate admits the two, and none: then the API is tried first.
func (t Through) Validate() error {
	switch t {
	case "", ThroughAPI, ThroughCommand:
		return nil
	}
	return errors.New("through is neither api nor command")
}

// errShut is in every fault of an API that will go on refusing: it is switched off, or knows another token than Vault.
// Rate limits and server errors pass, and are none of these.
var errShut = errors.New("the API is shut")

// isShut reports whether an answer's status says that the API is shut: a wrong token is refused in JSON; switched off, the
// API is a page that does not exist.
func (a answer) isShut() bool {
	if a.kind == "application/json" {
		return a.status == http.StatusUnauthorized || a.status == http.StatusForbidden
	}
	return a.status == http.StatusNotFound
}

// ways are the two ways to one Mailu. An API that has refused is not asked again: five wrong tokens in an hour would have it
// refuse everybody, the right token included.
type ways struct {
	api     *Client
	command command
	through Through
}

func waysTo(session *remote.Session, token secret.String, known Through) *ways {
	w := &ways{api: apiThrough(session, token), command: command{session}, through: ThroughAPI}
	if known == ThroughCommand {
		w.through = known
	}
	return w
}

// try asks the API, or from its first refusal on Mailu's own command.
func (w *ways) try(ctx context.Context, api func(*Client) error, own func(command) error) error {
	if w.through == ThroughAPI {
		err := api(w.api)
		if !errors.Is(err, errShut) {
			return err
		}
		slog.WarnContext(ctx, "the API refuses; Mailu's own command is used from here on", "error", err.Error())
		w.through = ThroughCommand
	}
	return own(w.command)
}
