package archive

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// tampering is what somebody else did to manifests: the slots, and when that was last done in each.
type tampering map[Slot]time.Time

func (t tampering) note(slot Slot, at time.Time) {
	if at.After(t[slot]) {
		t[slot] = at
	}
}

// slots are in the order of their time.
func (t tampering) slots() []Slot {
	return slices.SortedFunc(maps.Keys(t), func(a, b Slot) int { return a.Time.Compare(b.Time) })
}

// last is when it was done last; the zero time where it never was.
func (t tampering) last() (at time.Time) {
	for _, one := range t {
		if one.After(at) {
			at = one
		}
	}
	return at
}

// maxNamed bounds how many slots Names names.
const maxNamed = 20

// Names names slots for people: "backups/2026-11-23, monthly/2026-11", and how many more there are than it names.
func Names(slots []Slot) string {
	var words []string
	for _, slot := range slots[:min(len(slots), maxNamed)] {
		words = append(words, slot.String())
	}
	text := strings.Join(words, ", ")
	if more := len(slots) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
