package contract

import (
	"maps"
	"math"
	"slices"
	"testing"
)

// A machine that runs out of time runs no Catch: nothing is cleaned up and nobody is told. So its own time-out lies beyond
// the longest way through it: every attempt of every step until its time-out, every pause before a retry, every look of a
// polling loop, and then the failure path.
func TestMachinesOutliveTheirLongestPath(t *testing.T) {
	eachMachine(t, func(t *testing.T, m machine) {
		longest := (&budget{t: t, machine: m, known: map[string]int{}}).from(m.StartAt)
		t.Logf("longest path %d s (%.1f h), TimeoutSeconds %d", longest, float64(longest)/3600, m.TimeoutSeconds)
		if longest >= m.TimeoutSeconds {
			t.Errorf("the longest path takes %d s and the machine may run %d s", longest, m.TimeoutSeconds)
		}
	})
}

type budget struct {
	t *testing.T
	machine
	known map[string]int
}

// from is how long an execution may still take when it enters a state. A loop counts as one thing: it is walked as often
// as its bound allows, and then left by whichever of its states leads the longest way.
func (b *budget) from(name string) int {
	if seconds, ok := b.known[name]; ok {
		return seconds
	}
	loop := b.loop(name)
	turn, after := 0, 0
	for member := range loop {
		turn += b.cost(b.States[member])
		for _, next := range b.States[member].next() {
			if !loop[next] {
				after = max(after, b.from(next))
			}
		}
	}
	seconds := turn*b.turns(loop) + after
	for member := range loop {
		b.known[member] = seconds
	}
	return seconds
}

// cost is how long one state may take.
func (b *budget) cost(s state) int {
	seconds := s.Seconds + s.TimeoutSeconds
	for _, r := range s.retriers(b.t) {
		for attempt := range r.MaxAttempts {
			pause := float64(r.IntervalSeconds) * math.Pow(r.BackoffRate, float64(attempt))
			seconds += s.TimeoutSeconds + int(math.Ceil(min(pause, float64(r.MaxDelaySeconds))))
		}
	}
	return seconds
}

// loop are the states that lead to each other, or the state alone.
func (b *budget) loop(name string) map[string]bool {
	loop := map[string]bool{name: true}
	for member := range b.reachable(b.States[name].next()...) {
		if b.reachable(b.States[member].next()...)[name] {
			loop[member] = true
		}
	}
	return loop
}

// turns is how often a loop may be walked: one Choice of it counts, and leaves it before anything else can go on.
func (b *budget) turns(loop map[string]bool) int {
	bounds := 0
	turns := 1
	for member := range loop {
		s := b.States[member]
		for _, c := range s.Choices {
			if loop[c.Next] {
				break // what stands above the bound could go on for ever
			}
			if c.NumericGreaterThanEquals != nil {
				bounds++
				turns = *c.NumericGreaterThanEquals
				if b.loopsWithout(member, loop) {
					b.t.Errorf("a loop of %q goes round its bound", member)
				}
			}
		}
	}
	again := len(loop) > 1
	for member := range loop {
		for _, next := range b.States[member].next() {
			again = again || next == member
		}
	}
	if again && bounds != 1 {
		b.t.Errorf("the loop %v has %d bounds", slices.Sorted(maps.Keys(loop)), bounds)
	}
	return turns
}

// loopsWithout reports whether the loop still is one when a state is taken out.
func (b *budget) loopsWithout(bound string, loop map[string]bool) bool {
	rest := machine{States: map[string]state{}}
	for member := range loop {
		if member != bound {
			rest.States[member] = b.States[member]
		}
	}
	for member, s := range rest.States {
		if rest.reachable(s.next()...)[member] {
			return true
		}
	}
	return false
}
