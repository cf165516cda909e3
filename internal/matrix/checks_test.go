package matrix

import (
	"errors"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

const (
	// startWait is how long the agent waits for a handler to start: more than the default, since a busy machine may keep a
	// child from running for longer.
	startWait = 500 * time.Millisecond
	// window is the time between SIGTERM and SIGKILL, instead of the platform's: see windowIsKept.
	window = 3 * time.Second
	// slack is what a busy machine may add to the agent's times.
	slack = 2 * time.Second
)

// checks hold in every cell, besides the rules of the harness and the expectations of the scenario.
var checks = map[string]func(*cell) error{
	"the counts add up":              countsAddUp,
	"every planned span started":     spansStarted,
	"no invocation is held for long": notHeldForLong,
	"the shutdown window is kept":    windowIsKept,
}

// check compares the cell with the rules, the checks and the reasons, and its counts with the document's.
func (c *cell) check(documented string) error {
	errs := c.Err()
	for name, check := range checks {
		if err := check(c); err != nil {
			errs = errors.Join(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	n := c.counts()
	errs = errors.Join(errs, justified(c.place, n))
	if n.String() != documented && !*update {
		errs = errors.Join(errs, fmt.Errorf("%s; the documentation says %s", n, documented))
	}
	return errs
}

// countsAddUp: the function, the backend, and the last line of each process agree.
func countsAddUp(c *cell) (errs error) {
	arrived, known := c.Receiver.Spans(), make(map[string]bool)
	for i, p := range c.processes() {
		for id := range p.started {
			known[id] = true
		}
		if err := p.check(p.counts(arrived)); err != nil {
			errs = errors.Join(errs, fmt.Errorf("process %d: %w", i+1, err))
		}
	}
	for _, span := range arrived {
		if !known[span.SpanID] {
			errs = errors.Join(errs, fmt.Errorf("span %s %q arrived and never started", span.SpanID, span.Name))
		}
	}
	return errs
}

// check compares the counts of a process with its last line, if it had time for one. By then every span has ended.
func (p *process) check(n counts) error {
	if n.of[pending] < 0 || n.of[lost] < 0 {
		return fmt.Errorf("it accounts for more spans than started: %v", n)
	}
	if p.line == nil {
		return nil
	}
	said, want := p.line.Counts, harness.SpanCounts{
		Ended: int64(len(p.started)), Exported: int64(n.delivered), Pending: int64(n.of[pending]),
		Dropped: int64(n.of[refused] + n.of[rejected]), Refused: int64(n.of[refused]), Rejected: int64(n.of[rejected]),
	}
	if said != want || len(p.ended) != len(p.started) {
		return fmt.Errorf("its last line says %+v; want %+v, %d ended", said, want, len(p.ended))
	}
	return nil
}

// spansStarted: a cell with other spans proves nothing about its place.
func spansStarted(c *cell) error {
	started := 0
	for _, p := range c.processes() {
		started += len(p.started)
	}
	if want := 2 + c.end.spans + 2; started != want {
		return fmt.Errorf("%d spans started; want %d", started, want)
	}
	return nil
}

// notHeldForLong: with every backend an invocation is held for the flush timeout at most. Before that, the agent may wait
// for a handler that does not start.
func notHeldForLong(c *cell) (errs error) {
	for _, r := range lambdatest.Invocations(c.Log.Events()) {
		if most := c.backend.flushTimeout + startWait + slack; r.AfterResponse > most {
			errs = errors.Join(errs, fmt.Errorf("%s: held for %s after its outcome; at most %s", r.RequestID, r.AfterResponse, most))
		}
	}
	return errs
}

// windowIsKept: after SIGTERM the process ends before SIGKILL would come, counting the time in which it could run.
func windowIsKept(c *cell) (errs error) {
	for _, x := range c.exits() {
		if x.took-x.delayed > c.platform.window {
			errs = errors.Join(errs, fmt.Errorf("the process ended %s after SIGTERM, of which the machine was busy for %s; the window is %s",
				x.took, x.delayed, c.platform.window))
		}
	}
	return errs
}

// exit is the end of a process by SIGTERM.
type exit struct{ took, delayed time.Duration }

func (c *cell) exits() (all []exit) {
	var signal *eventlog.Event
	for _, e := range c.Log.Events() {
		switch e.Kind {
		case lambdatest.KindSigterm, harness.KindSignal:
			signal = &e
		case lambdatest.KindProcessExit:
			if signal != nil {
				all = append(all, exit{e.At.Sub(signal.At), c.delayed(signal.At, e.At)})
			}
			signal = nil
		}
	}
	return all
}
