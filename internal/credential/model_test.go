package credential_test

import (
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // tens of thousands of bad days
	os.Exit(m.Run())
}

// explore plays every scenario in which at most so many things happen, and stops at the first that breaks something.
func explore(events int, m mutant) (played int, broken *scenario) {
	var from func(prefix []int, events int) *scenario
	from = func(prefix []int, events int) *scenario {
		s, options := follow(prefix, m, false)
		played++
		if s.broken != "" {
			s, _ = follow(prefix, m, true)
			return s
		}
		for at := len(prefix); at < len(options) && events > 0; at++ {
			for option := 1; option < options[at]; option++ {
				next := make([]int, at+1)
				copy(next, prefix)
				next[at] = option
				if broken := from(next, events-1); broken != nil {
					return broken
				}
			}
		}
		return nil
	}
	broken = from(nil, events)
	return played, broken
}

// follow plays the scenario of these choices; after the last of them nothing happens any more. It gives how many options
// there were each time.
func follow(choices []int, m mutant, tracing bool) (s *scenario, options []int) {
	s = play(func(n int) int {
		at := len(options)
		options = append(options, n)
		if at < len(choices) {
			return choices[at]
		}
		return 0
	}, m, tracing)
	return s, options
}

func TestEveryInterleaving(t *testing.T) {
	played, broken := explore(2, nil)
	t.Logf("%d interleavings", played)
	if broken != nil {
		t.Fatal(broken)
	}
}

// random plays scenarios in which many things happen.
func random(count int, m mutant) (played int, broken *scenario) {
	source := rand.New(rand.NewPCG(1, 2))
	for ; played < count; played++ {
		var choices []int
		rate := 1 + source.IntN(12)
		s := play(func(options int) int {
			choice := 0
			if source.IntN(48) < rate {
				choice = source.IntN(options)
			}
			choices = append(choices, choice)
			return choice
		}, m, false)
		if s.broken != "" {
			s, _ = follow(choices, m, true)
			return played, s
		}
	}
	return played, nil
}

func TestRandomInterleavings(t *testing.T) {
	played, broken := random(20_000, nil)
	t.Logf("%d interleavings", played)
	if broken != nil {
		t.Fatal(broken)
	}
}
