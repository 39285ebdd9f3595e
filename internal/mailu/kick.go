package mailu

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote"
)

// mailbox is an address that means nothing to a shell, nor to doveadm, which knows masks.
var mailbox = regexp.MustCompile(`^[a-z0-9][a-z0-9._+-]*@[a-z0-9][a-z0-9.-]*$`)

// In Mailu 2024.06 the front takes every login at a mail port, IMAP, POP3 and submission alike, with a Dovecot of its own,
// and hands the connection on. So its sessions are those of clients; what the imap container has are the other ends. A
// connection that the front has lost may go on there, which is why both are told.
const (
	inContainer = "docker compose --file " + home + "/docker-compose.yml --env-file " + home + "/mailu.env exec -T "
	kickProxied = inContainer + "front doveadm -c /etc/dovecot/proxy.conf proxy kick "
	kickIMAP    = inContainer + "imap doveadm kick "
)

// endWeb ends the web sessions of all users: Mailu keeps them, and nothing else, in this database of its Redis (in its source
// the setting SESSION_STORAGE_URL).
const endWeb = inContainer + "redis redis-cli -n 3 flushdb"

// endWebSessions reports whether the web sessions are ended.
func endWebSessions(ctx context.Context, server runner) (bool, error) {
	out, err := server.RunUpTo(ctx, maxAnswer, endWeb, nil)
	if err != nil && !refuses(ctx, err) {
		return false, err
	}
	return err == nil && string(out.Stdout) == "OK\n", nil
}

// What doveadm 2.3 says. With status 68 it says that there is nobody to kick.
const (
	nobodyKicked = "no users kicked\n"
	usersKicked  = "kicked connections from the following users:\n"
)

var proxiedKicked = regexp.MustCompile(`^(\d{1,9}) connections kicked\n$`)

// endSessions ends a user's open sessions at every mail port, and counts those of clients.
func endSessions(ctx context.Context, server *remote.Session, username string) (ended int, err error) {
	out, err := server.Run(ctx, kickProxied+username, nil)
	if err != nil {
		return 0, err
	}
	count := proxiedKicked.FindSubmatch(out.Stdout)
	if count == nil {
		return 0, fault.ServerRefused.Errorf("doveadm proxy kick: words that are not those of Dovecot 2.3")
	}
	if ended, err = strconv.Atoi(string(count[1])); err != nil {
		return 0, fmt.Errorf("doveadm proxy kick: %w", err)
	}
	out, err = server.Run(ctx, kickIMAP+username, nil)
	switch said := string(out.Stdout); {
	case fault.Is(err, fault.ServerRefused) && said == nobodyKicked, err == nil && said == usersKicked+username+" \n":
		return ended, nil
	case err != nil:
		return 0, err
	}
	return 0, fault.ServerRefused.Errorf("doveadm kick: words that are not those of Dovecot 2.3")
}
