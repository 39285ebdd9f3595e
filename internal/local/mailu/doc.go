// Package mailu stands in for a Mailu 2024.06 server on the local platform. It is started from the very files that a
// recovery writes on a new server (docker-compose.yml, mailu.env, certificates, DKIM keys) and answers like the real one:
// API, login form, IMAP, submission and incoming mail.
//
// What it answers was recorded from Mailu 2024.06.57, run unmodified; testdata holds the recording and the contract test
// replays it. What the recording does not show follows Mailu's documentation and published source; dns_tlsa is always
// empty, as recorded with a certificate of one's own, and mail for other servers waits in a queue for ever.
package mailu
