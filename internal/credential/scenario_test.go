package credential_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/credential"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// scenario is one interleaving: two runs at once, what becomes of each of their calls, and what happens in between. Then
// whatever is still on its way arrives, and a third run, left in peace, must have put everything right.
type scenario struct {
	*world
	mutant mutant
	choose func(options int) int // 0 is always that nothing happens

	runs   []*run
	active *run

	era       int          // of Vault: a restore ends the logins from before
	late      []string     // changes of Mailu's password that were sent, and take effect when nobody waits for them any more
	snapshots []vaultState // of Vault, as backups would be
	seen      string       // the password that the last test, or Commit's look, found in Mailu
	retired   map[string]bool
	// disturbed: the last one to write somewhere was none of the runs that count, so that Vault's password need not open the
	// mailbox until a run has succeeded.
	disturbed bool
	tracing   bool
	trace     []string
	broken    string
}

// mutant puts a mistake between a run and its world; nil is none.
type mutant func(*scenario, sides) sides

// run is one execution.
type run struct {
	name   string
	from   string // the password that was current when it began
	next   func() (call, bool)
	stop   func()
	at     *call // what it is about to do
	fate   fate
	ended  bool
	done   credential.Committed
	err    error
	born   int  // Vault's era when it began
	era    int  // of Vault, at the run's last login
	looked bool // nothing has changed Mailu since this run's last look
}

// fate is what becomes of a call.
type fate int

const (
	happens fate = iota
	fails        // nothing has happened
	answerLost
	dies       // the execution dies with it
	diesBefore // for the first call of a run
	late       // the answer is lost, and the effect comes later
	refused    // a login that says nothing about the password
)

func (f fate) String() string {
	return []string{"happens", "fails", "loses its answer", "dies with it", "dies before it", "is late", "is refused"}[f]
}

// killed unwinds a run whose execution is dead.
type killed struct{}

// play plays the scenario to its end, and gives what it broke.
func play(choose func(int) int, mutant mutant, tracing bool) *scenario {
	s := &scenario{world: newWorld(), mutant: mutant, choose: choose, tracing: tracing, retired: map[string]bool{}}
	s.runs = []*run{s.begin("A"), s.begin("B")}
	defer func() {
		for _, r := range s.runs {
			r.stop()
		}
	}()
	s.active = s.runs[0]
	for s.broken == "" && !s.over() {
		s.step()
	}
	for len(s.late) > 0 {
		s.arrive()
	}
	s.choose = func(int) int { return 0 }
	s.runs = append(s.runs, s.begin("C"))
	s.active = s.runs[2]
	for s.broken == "" && !s.over() {
		s.step()
	}
	if s.broken == "" {
		s.judge(s.runs[2])
	}
	return s
}

func (s *scenario) over() bool {
	return !slices.ContainsFunc(s.runs, func(r *run) bool { return !r.ended })
}

// begin prepares a run; it starts with its first call.
func (s *scenario) begin(name string) *run {
	r := &run{name: name}
	r.next, r.stop = iter.Pull(func(yield func(call) bool) {
		defer func() {
			if dead := recover(); dead != nil {
				if _, ok := dead.(killed); !ok {
					panic(dead)
				}
				r.err = fault.Unexpected.Errorf("killed")
			}
		}()
		c := client{world: s.world, op: func(c call, effect func()) error {
			if !yield(c) {
				panic(killed{})
			}
			return s.let(r, c, effect)
		}}
		own := c.sides()
		if s.mutant != nil {
			own = s.mutant(s, own)
		}
		r.done, r.err = own.rotate(context.Background())
	})
	return r
}

// let has a call meet its fate.
func (s *scenario) let(r *run, c call, effect func()) error {
	if c.vault && r.era != s.era {
		return fault.VaultRefused.Errorf("%s: the login is from before the restore", c.what)
	}
	change := func() {
		if c.mailu != "" {
			s.change(c.mailu)
		}
		effect()
	}
	switch r.fate {
	case happens:
		change()
		switch c.what {
		case lookAtHash:
			s.seen, r.looked = s.mailu, true
		case readUser:
			r.looked = true
		case logInToVault:
			r.era = s.era
		}
	case fails:
		return c.fails.Errorf("%s", c.what)
	case answerLost:
		change()
		return c.fails.Errorf("%s", c.what)
	case dies:
		change()
		panic(killed{})
	case diesBefore:
		panic(killed{})
	case late:
		s.late = append(s.late, c.mailu)
		return c.fails.Errorf("%s", c.what)
	case refused:
	}
	return nil
}

const (
	lookAtHash   = "compare the hash"
	readUser     = "read the user"
	logInToVault = "log in to Vault"
)

// change is about to give Mailu another password, whoever sent it and when.
func (s *scenario) change(to string) {
	if s.mailu == to {
		return
	}
	for _, r := range s.runs {
		r.looked = false
	}
	if to != s.current() && to != s.pending() {
		s.disturbed = true // sent by somebody who is overtaken since
	}
	if s.mailu == s.pending() && s.seen == s.mailu {
		s.disturbed = true // behind the back of a run that has tested it and is about to commit it
	}
}

// step lets one thing happen: something from outside, or the next call of the active run.
func (s *scenario) step() {
	r := s.active
	if r.at == nil {
		if r.from == "" {
			r.from, r.born = s.current(), s.era
		}
		if c, ok := r.next(); ok {
			r.at = &c
		} else {
			s.end(r)
		}
		s.check()
		return
	}
	options := []func(){func() { s.call(r, happens) }}
	for _, f := range fates(*r.at) {
		options = append(options, func() { s.call(r, f) })
	}
	if other := s.other(); other != nil {
		options = append(options, func() { s.active = other; s.note("switch to %s", other.name) })
	}
	if len(s.late) > 0 {
		options = append(options, s.arrive)
	}
	if r.at.writes || r.at.what == logInToVault {
		options = append(options, s.byHand)
		for i := range s.snapshots {
			options = append(options, func() { s.restore(i) })
		}
	}
	options[s.choose(len(options))]()
	s.check()
}

// fates are what may become of a call, but that it happens.
func fates(c call) []fate {
	switch {
	case c.mailu != "":
		return []fate{fails, answerLost, late, diesBefore, dies}
	case c.writes:
		return []fate{fails, answerLost, diesBefore, dies}
	case c.login:
		return []fate{fails, refused}
	}
	return []fate{fails}
}

// call lets the run's next call meet its fate, and the run go on to the one after it.
func (s *scenario) call(r *run, f fate) {
	c := *r.at
	s.note("%s: %s %s", r.name, c.what, f)
	if c.writes && c.vault {
		s.snapshots = append(s.snapshots, s.vault.clone())
	}
	r.at, r.fate = nil, f
	if next, ok := r.next(); ok {
		r.at = &next
	} else {
		s.end(r)
	}
}

func (s *scenario) other() *run {
	for _, r := range s.runs {
		if r != s.active && !r.ended {
			return r
		}
	}
	return nil
}

func (s *scenario) arrive() {
	to := s.late[0]
	s.late = s.late[1:]
	s.note("a late change arrives: %s", to)
	s.change(to)
	s.mailu = to
}

func (s *scenario) byHand() {
	s.note("the password is changed by hand")
	s.disturbed = true
	for _, r := range s.runs {
		r.looked = false
	}
	s.mailu = "by-hand"
}

func (s *scenario) restore(i int) {
	s.note("Vault is restored to what it was before write %d", i+1)
	s.disturbed = true
	for _, r := range s.runs {
		r.looked = false
	}
	s.vault = s.snapshots[i].clone()
	s.era++
}

// end notes how a run ended, and what it promises by that.
func (s *scenario) end(r *run) {
	r.ended = true
	s.note("%s ends: %v", r.name, r.err)
	if other := s.other(); other != nil {
		s.active = other
	}
	if r.err != nil {
		return
	}
	switch {
	case s.era != r.born: // it could not know
	case s.current() == r.from:
		s.breaks("%s succeeded and has replaced nothing", r.name)
	case r.done.Installed && r.looked && s.pending() == "" && s.mailu != s.current():
		s.breaks("%s succeeded and Mailu has another password than Vault", r.name)
	}
	if s.era == r.born {
		s.retired[r.from] = true
	}
	if s.mailu == s.current() && s.pending() == "" {
		s.disturbed = false
	}
}

// check holds what must be so at every moment.
func (s *scenario) check() {
	switch {
	case s.disturbed:
	case s.retired[s.mailu]:
		s.breaks("a password that was replaced opens the mailbox again")
	case s.mailu != s.current() && s.mailu != s.pending():
		s.breaks("neither Vault's current nor its pending password opens the mailbox")
	}
}

// judge holds what must be so after a run that was left in peace.
func (s *scenario) judge(r *run) {
	readable := s.vault.readable()
	switch {
	case r.err != nil:
		s.breaks("a run that was left in peace failed: %v", r.err)
	case s.mailu != s.current():
		s.breaks("the current password does not open the mailbox")
	case s.retired[s.mailu]:
		s.breaks("a password that was replaced opens the mailbox")
	case s.registry.CredentialID != s.vault.read(adminPath).Data["credential_id"]:
		s.breaks("the registry and Vault name different credentials")
	case len(readable) != 1:
		s.breaks("%d passwords are readable", len(readable))
	case s.vault[adminPath].notes["compromised.v"+fmt.Sprint(len(s.vault[adminPath].versions)-1)] == "":
		s.breaks("Vault does not remember which version has leaked")
	}
}

func (s *scenario) note(format string, args ...any) {
	s.trace = append(s.trace, fmt.Sprintf(format, args...))
}

func (s *scenario) breaks(format string, args ...any) {
	if s.broken == "" {
		s.broken = fmt.Sprintf(format, args...)
	}
}

func (s *scenario) String() string { return strings.Join(s.trace, "\n") + "\n=> " + s.broken }
