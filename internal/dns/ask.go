package dns

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/miekg/dns"
)

// Answer is what a name server says about a change.
type Answer string

const (
	// Changed: every record is as the change left it.
	Changed Answer = "changed"
	// Unchanged: a record is not.
	Unchanged Answer = "unchanged"
	// Silent: the server did not answer, or with a failure of its own.
	Silent Answer = "silent"
)

// question is one record set, with values that it must have and values that it must not have any more.
type question struct {
	name        string // as in Name
	of          types.RRType
	has, hasNot []string
}

// questions are what an update must have changed; first the mark of its lease, which came with the same batch.
func (u Update) questions() []question {
	all := []question{{name: leaseLabel + Name(u.Hostname), of: types.RRTypeTxt, has: []string{u.Lease}}}
	for _, e := range u.Edits {
		q := question{name: Name(e.Name), of: e.Type}
		for _, v := range e.Removed {
			q.hasNot = append(q.hasNot, plain(e.Type, v))
		}
		for _, v := range e.Added {
			// Of sets with a routing policy a server shows one, and it may be another.
			if e.SetIdentifier == "" {
				q.has = append(q.has, plain(e.Type, v))
			}
		}
		all = append(all, q)
	}
	return all
}

// patience is how long one question may take; asked again over TCP where the answer is too long for UDP.
const patience = 2 * time.Second

// ask puts the questions to one server until an answer differs.
func ask(ctx context.Context, server string, questions []question) Answer {
	for _, q := range questions {
		values, ok := query(ctx, server, q)
		if !ok {
			return Silent
		}
		there := func(v string) bool { return slices.Contains(values, v) }
		lacking := func(v string) bool { return !there(v) }
		if slices.ContainsFunc(q.has, lacking) || slices.ContainsFunc(q.hasNot, there) {
			return Unchanged
		}
	}
	return Changed
}

// udpSize is what an answer over UDP may hold without being torn on its way (DNS flag day 2020).
const udpSize = 1232

// query returns the values of a record set, none if it does not exist. ok is false where the server did not say.
func query(ctx context.Context, server string, q question) (values []string, ok bool) {
	m := new(dns.Msg)
	m.SetQuestion(q.name, dns.StringToType[string(q.of)])
	m.SetEdns0(udpSize, false)
	in, _, err := (&dns.Client{Timeout: patience}).ExchangeContext(ctx, m, server)
	if err == nil && in.Truncated {
		in, _, err = (&dns.Client{Net: "tcp", Timeout: patience}).ExchangeContext(ctx, m, server)
	}
	if err != nil || in.Rcode != dns.RcodeSuccess && in.Rcode != dns.RcodeNameError {
		return nil, false
	}
	for _, rr := range in.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			values = append(values, rr.A.String())
		case *dns.AAAA:
			values = append(values, rr.AAAA.String())
		case *dns.TXT:
			values = append(values, received(rr.Txt))
		case *dns.SPF:
			values = append(values, received(rr.Txt))
		}
	}
	return values, true
}

// received joins the strings of a TXT record off the wire, which the DNS library escapes in decimal.
func received(strs []string) string {
	var text strings.Builder
	for rest := strings.Join(strs, ""); rest != ""; {
		c, size := unescape(rest, 10)
		text.WriteByte(c)
		rest = rest[size:]
	}
	return text.String()
}
