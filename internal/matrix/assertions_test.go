package matrix

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// assertions hold in every cell alike, beside the rules of internal/invariant.
var assertions = map[string]func(*cell) error{
	"the account adds up":        theAccountAddsUp,
	"the story went as planned":  theStoryWentAsPlanned,
	"no invocation is held long": noInvocationIsHeldLong,
	"no window is missed":        noWindowIsMissed,
	"no data race":               noDataRace,
}

// permit is what the design excepts from the rules in this cell. What ends the process, or comes when nothing holds the environment
// any more, is flushed before its outcome is posted, because afterwards may be too late.
func (p place) permit() invariant.Permit {
	return invariant.Permit{
		Early:    map[string]bool{ending: p.end.early || p.platform.unheld && p.end.earlyUnheld},
		Timeouts: map[string]bool{ending: p.end.neverAnswers},
	}
}

// judge compares the log with the rules, the assertions and the reasons, and the account with what is documented.
func (c *cell) judge(documented string) error {
	story := &invariant.Story{Events: c.log.Events(), Permit: c.permit()}
	errs := c.err
	for name, holds := range invariant.Rules {
		if err := holds(story); err != nil {
			errs = errors.Join(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	for name, holds := range assertions {
		if err := holds(c); err != nil {
			errs = errors.Join(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	a := c.account()
	errs = errors.Join(errs, justified(c.place, a))
	if a.String() != documented && !*update {
		errs = errors.Join(errs, fmt.Errorf("%s; the documentation says %s", a, documented))
	}
	return errs
}

// theAccountAddsUp: the function's word for it, the backend's, and the last line of each process tell the same story.
func theAccountAddsUp(c *cell) (errs error) {
	arrived := c.receiver.Spans()
	known := make(map[string]bool)
	for i, p := range c.processes() {
		a := p.account(arrived)
		for id := range p.begun {
			known[id] = true
		}
		errs = errors.Join(errs, p.check(i+1, a))
	}
	for _, span := range arrived {
		if !known[span.SpanID] {
			errs = errors.Join(errs, fmt.Errorf("span %s %q arrived, and nobody began it", span.SpanID, span.Name))
		}
	}
	return errs
}

// check compares the process's account with its last line, where it had time for one. All that began has ended by then.
func (p *process) check(number int, a account) error {
	if a.Pending < 0 || a.Lost < 0 {
		return fmt.Errorf("process %d: more became of its spans than there were: %+v", number, a)
	}
	if p.line == nil {
		return nil
	}
	t := p.line.Telemetry
	for _, figure := range []struct {
		name      string
		said, was int
	}{
		{"ended", t.Ended, len(p.ended)},
		{"ended", t.Ended, len(p.begun)},
		{"exported", t.Exported, a.Delivered - a.Provisional},
		{"pending", t.Pending, a.Pending},
		{"refused", t.Refused, a.Refused},
		{"rejected", t.Rejected, a.Rejected},
		{"dropped", t.Dropped, a.Refused + a.Rejected},
	} {
		if figure.said != figure.was {
			return fmt.Errorf("process %d: its last line says %d %s; it was %d: %+v", number, figure.said, figure.name, figure.was, t)
		}
	}
	return nil
}

// theStoryWentAsPlanned: a cell that has gone another way proves nothing about its place.
func theStoryWentAsPlanned(c *cell) error {
	var exits, want []int
	for _, e := range c.log.Events() {
		if e.Kind == lambdatest.KindProcessExit {
			exits = append(exits, e.Count)
		}
	}
	registered := !c.platform.unregistered
	if c.end.fate != lives {
		want = append(want, c.end.fate.code(registered))
	}
	want = append(want, terminated.code(registered))
	if fmt.Sprint(exits) != fmt.Sprint(want) {
		return fmt.Errorf("processes ended with %v; want %v", exits, want)
	}
	made := 0
	for _, p := range c.processes() {
		made += len(p.begun)
	}
	if want := 2 + c.end.spans + 2; made != want {
		return fmt.Errorf("%d spans began; want %d", made, want)
	}
	return nil
}

// slack is what a busy machine may add to a time that is the agent's.
const slack = 2 * time.Second

// noInvocationIsHeldLong: a backend costs an invocation the time of a flush at most, whatever is wrong with it. Before that comes
// the grace where no handler begins.
func noInvocationIsHeldLong(c *cell) (errs error) {
	for _, r := range lambdatest.Invocations(c.log.Events()) {
		if most := c.backend.budget() + grace + slack; r.AfterResponse > most {
			errs = errors.Join(errs, fmt.Errorf("%s: held for %s after its outcome; at most %s", r.RequestID, r.AfterResponse, most))
		}
	}
	return errs
}

// noWindowIsMissed: after SIGTERM the process ends before SIGKILL would come, by the time for which it could run.
func noWindowIsMissed(c *cell) (errs error) {
	for _, x := range c.exits() {
		if took := x.took - x.late; took > c.platform.window {
			errs = errors.Join(errs, fmt.Errorf("the process ended %s after SIGTERM, of which the machine was busy for %s; the window is %s",
				x.took, x.late, c.platform.window))
		}
	}
	return errs
}

// exit is the end of a process by SIGTERM.
type exit struct{ took, late time.Duration }

// exits are all of the story.
func (c *cell) exits() (all []exit) {
	var signal *eventlog.Event
	for _, e := range c.log.Events() {
		switch e.Kind {
		case lambdatest.KindSigterm, invariant.KindSignal:
			signal = &e
		case lambdatest.KindProcessExit:
			if signal != nil {
				all = append(all, exit{e.At.Sub(signal.At), c.lateness(signal.At, e.At)})
			}
			signal = nil
		}
	}
	return all
}

// exitTime is the longest time from SIGTERM to the end of a process.
func (c *cell) exitTime() (longest time.Duration) {
	for _, x := range c.exits() {
		longest = max(longest, x.took)
	}
	return longest
}

// holdTime is the longest time for which an invocation was held after its outcome.
func (c *cell) holdTime() (longest time.Duration) {
	for _, r := range lambdatest.Invocations(c.log.Events()) {
		if !r.Posted.IsZero() {
			longest = max(longest, r.AfterResponse)
		}
	}
	return longest
}

// noDataRace: children are built with the race detector where the test is.
func noDataRace(c *cell) error {
	for _, e := range c.log.Events() {
		if e.Kind == invariant.KindSaid && strings.Contains(e.Detail, "DATA RACE") {
			return errors.New("the function has a data race")
		}
	}
	return nil
}
