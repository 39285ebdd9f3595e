package dns

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

const (
	leaseLabel = "_lease."
	// leaseTTL is short because CheckDns looks for the record.
	leaseTTL = 60
	// back marks the lease of a run that has undone its change: "7 back".
	back = " back"
	// maxValue is the longest value that Route 53 takes, in characters.
	maxValue = 4000
)

func isLease(name string) bool { return strings.HasPrefix(Name(name), leaseLabel) }

// lease is the record TXT _lease.<hostname>. Its first text is the mark, "7" or "7 back"; every further one is the JSON of
// an edit that the marked change made.
type lease struct {
	fencing int64
	back    bool // the run's change was undone: later than its change, earlier than any newer run
	edits   []Edit

	set *types.ResourceRecordSet // as it was read; nil for a lease that is not in the zone
}

func (l lease) mark() string {
	if l.back {
		return strconv.FormatInt(l.fencing, 10) + back
	}
	return strconv.FormatInt(l.fencing, 10)
}

// compare orders leases by their age, the oldest first.
func (l lease) compare(other lease) int {
	turn := func(l lease) int {
		if l.back {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(l.fencing, other.fencing), turn(l)-turn(other))
}

// readLease finds the lease of a host in its zone. Before the first change there is none: the zero lease, which is older
// than every other.
func readLease(zone []types.ResourceRecordSet, host string) (lease, error) {
	i := slices.IndexFunc(zone, func(set types.ResourceRecordSet) bool {
		return set.Type == types.RRTypeTxt && Name(aws.ToString(set.Name)) == leaseLabel+host
	})
	if i < 0 {
		return lease{}, nil
	}
	l := lease{set: &zone[i]}
	for _, v := range valuesOf(zone[i]) {
		text := textOf(v)
		if strings.HasPrefix(text, "{") {
			var e Edit
			if err := strictjson.Unmarshal([]byte(text), &e); err != nil {
				return lease{}, foreign(host, err)
			}
			l.edits = append(l.edits, e)
			continue
		}
		number, isBack := strings.CutSuffix(text, back)
		n, err := strconv.ParseInt(number, 10, 64)
		switch {
		case err != nil || n < 1:
			return lease{}, foreign(host, errors.New("a value is no fencing number"))
		case l.fencing != 0:
			return lease{}, foreign(host, errors.New("there are two fencing numbers"))
		}
		l.fencing, l.back = n, isBack
	}
	if l.fencing == 0 {
		return lease{}, foreign(host, errors.New("there is no fencing number"))
	}
	slices.SortFunc(l.edits, compareEdits) // Route 53 keeps no order of values
	return l, nil
}

func foreign(host string, err error) error {
	return fault.DNSRefused.Tellf("the lease record %s%s was not written by a recovery: %w", leaseLabel, host, err)
}

// record is the record set that says l.
func (l lease) record(host string) (types.ResourceRecordSet, error) {
	texts := []string{l.mark()}
	for _, e := range l.edits {
		journal, err := json.Marshal(e)
		if err != nil {
			return types.ResourceRecordSet{}, fmt.Errorf("lease: %w", err)
		}
		texts = append(texts, string(journal))
	}
	set := types.ResourceRecordSet{Name: aws.String(leaseLabel + host), Type: types.RRTypeTxt, TTL: aws.Int64(leaseTTL)}
	for i, text := range texts {
		value := FormatTXT(text)
		if len(value) > maxValue {
			return types.ResourceRecordSet{}, fault.DNSRefused.Tellf("%s %s is too long to be kept for the way back", l.edits[i-1].Name, l.edits[i-1].Type)
		}
		set.ResourceRecords = append(set.ResourceRecords, types.ResourceRecord{Value: aws.String(value)})
	}
	return set, nil
}

// swap are the changes that put next in the place of l. Whoever has changed the lease since it was read makes the whole
// batch fail.
func (l lease) swap(next lease, host string) ([]types.Change, error) {
	set, err := next.record(host)
	if err != nil {
		return nil, err
	}
	create := types.Change{Action: types.ChangeActionCreate, ResourceRecordSet: &set}
	if l.set == nil {
		return []types.Change{create}, nil
	}
	return []types.Change{{Action: types.ChangeActionDelete, ResourceRecordSet: l.set}, create}, nil
}
