package dns

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Edit is what one record set loses and gains. Its values are spelled as in Route 53. An edit is its own way back: with
// the two sides exchanged it puts back what was there, and leaves alone what others have done to the set since.
type Edit struct {
	Name          string       `json:"name"` // as Route 53 writes it
	Type          types.RRType `json:"type"`
	SetIdentifier string       `json:"set_identifier"` // of a set with a routing policy; else empty
	Removed       []string     `json:"removed"`
	Added         []string     `json:"added"`
	TTLBefore     int64        `json:"ttl_before"` // seconds
	TTLAfter      int64        `json:"ttl_after"`  // seconds
}

// reverse undoes e.
func (e Edit) reverse() Edit {
	e.Removed, e.Added = e.Added, e.Removed
	e.TTLBefore, e.TTLAfter = e.TTLAfter, e.TTLBefore
	return e
}

// of reports whether set is the one that e edits.
func (e Edit) of(set types.ResourceRecordSet) bool {
	return set.Type == e.Type && aws.ToString(set.SetIdentifier) == e.SetIdentifier && Name(aws.ToString(set.Name)) == Name(e.Name)
}

// changes are the changes of a batch that make e in the zone as it was read. A set that has lost a value which e removes
// was changed by someone else: DNSRefused.
func (e Edit) changes(zone []types.ResourceRecordSet) ([]types.Change, error) {
	before := types.ResourceRecordSet{Name: aws.String(e.Name), Type: e.Type}
	var made []types.Change
	if i := slices.IndexFunc(zone, e.of); i >= 0 {
		before = zone[i]
		made = append(made, types.Change{Action: types.ChangeActionDelete, ResourceRecordSet: &before})
	}
	values := valuesOf(before)
	added := slices.Clone(e.Added)
	for _, gone := range e.Removed {
		i := slices.IndexFunc(values, func(v string) bool { return sameValue(e.Type, v, gone) })
		if i < 0 {
			return nil, fault.DNSRefused.Tellf("%s %s was changed by someone else", e.Name, e.Type)
		}
		// The new value takes the old one's place.
		take := min(1, len(added))
		values = slices.Replace(values, i, i+1, added[:take]...)
		added = added[take:]
	}
	if values = append(values, added...); len(values) == 0 {
		return made, nil
	}
	after := before
	after.TTL, after.ResourceRecords = aws.Int64(e.TTLAfter), nil
	for _, v := range values {
		after.ResourceRecords = append(after.ResourceRecords, types.ResourceRecord{Value: aws.String(v)})
	}
	return append(made, types.Change{Action: types.ChangeActionCreate, ResourceRecordSet: &after}), nil
}

// maxTTL is the longest TTL that a changed set has afterwards, in seconds: the way back, and the next recovery, must not
// wait for resolvers longer than that. A shorter one is kept.
const maxTTL = 300

// find lists the edits that move everything in a zone from the old addresses to the new ones: A and AAAA records, and the
// sender policies. Where the new server has no IPv6, what carried the old one goes; where there was none, none is added:
// a mail host that begins to speak IPv6 needs more than a record.
func find(zone []types.ResourceRecordSet, old, new Addresses) ([]Edit, error) {
	var edits []Edit
	for _, set := range zone {
		e := Edit{
			Name: aws.ToString(set.Name), Type: set.Type, SetIdentifier: aws.ToString(set.SetIdentifier),
			Removed: []string{}, Added: []string{}, TTLBefore: aws.ToInt64(set.TTL), TTLAfter: min(aws.ToInt64(set.TTL), maxTTL),
		}
		values := valuesOf(set)
		for _, v := range values {
			moved, ok := move(set.Type, v, old, new)
			if !ok {
				continue
			}
			e.Removed = append(e.Removed, v)
			known := func(other string) bool { return sameValue(set.Type, other, moved) }
			if moved != "" && !slices.ContainsFunc(values, known) && !slices.ContainsFunc(e.Added, known) {
				e.Added = append(e.Added, moved)
			}
		}
		switch {
		case len(e.Removed) == 0:
			continue
		case e.SetIdentifier != "" && len(e.Added) == 0 && len(e.Removed) == len(values):
			// The set would go whole, and its routing policy with it: there would be no way back.
			return nil, fault.DNSRefused.Tellf("%s %s (%s) has a routing policy and only the old server's address", e.Name, e.Type, e.SetIdentifier)
		}
		edits = append(edits, e)
	}
	slices.SortFunc(edits, compareEdits)
	return edits, nil
}

func compareEdits(a, b Edit) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type), cmp.Compare(a.SetIdentifier, b.SetIdentifier))
}

// move is the value that takes v's place; empty if nothing does. ok is false where v does not carry an old address.
func move(of types.RRType, v string, old, new Addresses) (moved string, ok bool) {
	switch of {
	case types.RRTypeA, types.RRTypeAaaa:
		from, to := old.IP, new.IP
		if of == types.RRTypeAaaa {
			from, to = old.IPv6, new.IPv6
		}
		addr, err := netip.ParseAddr(v)
		switch {
		case err != nil || !from.IsValid() || addr != from:
			return "", false
		case !to.IsValid():
			return "", true
		}
		return to.String(), true
	case types.RRTypeTxt, types.RRTypeSpf:
		text := textOf(v)
		if !isSPF(text) {
			return "", false
		}
		text, four := moveSPF(text, old.IP, new.IP)
		six := false
		if old.IPv6.IsValid() {
			text, six = moveSPF(text, old.IPv6, new.IPv6)
		}
		return FormatTXT(text), four || six
	}
	return "", false
}

// sameValue compares two values by what they say, not by how they are spelled.
func sameValue(of types.RRType, a, b string) bool { return plain(of, a) == plain(of, b) }

func plain(of types.RRType, v string) string {
	switch of {
	case types.RRTypeTxt, types.RRTypeSpf:
		return textOf(v)
	case types.RRTypeA, types.RRTypeAaaa:
		if addr, err := netip.ParseAddr(v); err == nil {
			return addr.String()
		}
	}
	return v
}

func valuesOf(set types.ResourceRecordSet) []string {
	values := make([]string, len(set.ResourceRecords))
	for i, r := range set.ResourceRecords {
		values[i] = aws.ToString(r.Value)
	}
	return values
}

// maxMentions bounds how many records a step's output names.
const maxMentions = 20

// mentions names the record sets that still speak of an old address in a way nobody here understands: a remark in a TXT
// record, an address hint of an HTTPS record. A person decides about them.
func mentions(zone []types.ResourceRecordSet, old Addresses) []string {
	found := []string{}
	for _, set := range zone {
		name := aws.ToString(set.Name)
		for _, v := range valuesOf(set) {
			if _, moved := move(set.Type, v, old, Addresses{}); moved || isLease(name) || len(found) == maxMentions {
				continue
			}
			if speaksOf(v, old.IP) || speaksOf(v, old.IPv6) {
				found = append(found, fmt.Sprintf("%s %s", name, set.Type))
				break
			}
		}
	}
	return found
}

// speaksOf reports whether text holds the address, and not only a longer word that begins or ends with it.
func speaksOf(text string, addr netip.Addr) bool {
	mark := '.'
	if addr.Is6() {
		mark = ':'
	}
	between := func(r rune) bool { return r != mark && !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	for word := range strings.FieldsFuncSeq(text, between) {
		if found, err := netip.ParseAddr(strings.TrimRight(word, ".")); err == nil && found == addr {
			return true
		}
	}
	return false
}
