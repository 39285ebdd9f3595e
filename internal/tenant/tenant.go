// Package tenant is the registry of the mail servers: who they are for, where they run, and which execution may change
// them right now. One table holds all of it.
//
// Three rules keep two recoveries of one tenant apart. A lease says which execution works for the tenant; it is taken
// over only from an execution that has ended. Every taking raises the fencing number, and every change is refused to
// whoever comes with an older one, so that a copy of a step which woke up late does no harm. And every write is one
// conditional write of one item, which a caller may repeat when it does not know whether the first one arrived.
package tenant

import (
	"net/netip"
	"time"
)

// Description is what the operator knows of a tenant, and what a recovery builds its new server from. It holds no
// secret: those are in Vault, under the tenant's id.
type Description struct {
	ID           string   `json:"tenant_id"` // lower-case letters, digits and hyphens, at most 63
	Name         string   `json:"name"`
	Contact      string   `json:"contact"`        // an address that still works when the tenant's own mail does not
	Domains      []string `json:"domains"`        // mail domains, lower-case A-labels
	Hostname     string   `json:"hostname"`       // of the mail server: what MX and SPF records point to
	HostedZoneID string   `json:"hosted_zone_id"` // Route 53's id of the zone that holds Hostname
	VPS          VPS      `json:"vps"`
	Regions      []string `json:"regions"`       // where the server may be built, best first
	HostKey      string   `json:"host_key"`      // the server's SSH key: type and base64, as in known_hosts
	CredentialID string   `json:"credential_id"` // the one credential in Vault that may be installed
	Priority     int      `json:"priority"`      // 0 to 9; 0 is recovered first
}

// VPS is one server at its provider.
type VPS struct {
	Provider string     `json:"provider"`
	ID       string     `json:"id"`
	IP       netip.Addr `json:"ip"`   // IPv4
	IPv6     netip.Addr `json:"ipv6"` // the zero address where there is none
	Region   string     `json:"region"`
	Type     string     `json:"type"`
	VolumeID string     `json:"volume_id"` // empty where the mailboxes lie on the server's own disk
}

// Lease says which execution may change the tenant.
type Lease struct {
	Holder  string `json:"holder"`  // the execution's ARN; empty while the lease is free
	Fencing int64  `json:"fencing"` // raised whenever the lease is taken, never lowered
	// Expires is when the holder has ended at the latest, by its state machine's time-out. It is for people: only
	// Step Functions says whether the holder still runs.
	Expires time.Time `json:"expires"`
	// LeftBehind are the ended executions that never released the lease, the oldest first: each may have left a server
	// or a changed zone. Whoever releases the lease has cleaned up after them.
	LeftBehind []string `json:"left_behind"`
}

// Arrival is a server that is about to serve the tenant: verified, and DNS may point to it already.
type Arrival struct {
	VPS     VPS    `json:"vps"`
	HostKey string `json:"host_key"`
}

// Tenant is one record of the registry.
type Tenant struct {
	Description
	Suppressed bool  `json:"suppressed"` // no automatic recovery: people have this tenant in hand
	Generation int64 `json:"generation"` // raised by every change of the description
	Lease      Lease `json:"lease"`
	// Arriving is the server to which the lease's holder is moving the tenant; the zero Arrival where none is. The change
	// in DNS is what decides: a successor finishes a move that DNS has seen, and drops one that it has not.
	Arriving Arrival `json:"arriving"`
	// StaleSince is since when Vault, the registry and the server are not seen to hold one credential; zero where nobody
	// doubts it.
	StaleSince time.Time `json:"stale_since"`
	// RotationDue is for when a routine rotation was announced to the tenant last; zero where none was.
	RotationDue time.Time `json:"rotation_due"`
}
