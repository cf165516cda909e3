package soak

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// exit is how a process has ended.
type exit struct {
	code    int
	sigterm bool // it was asked to, by the platform or by the walk
}

// process judges the process: one that lives has to have delivered, one that has ended, what its end allowed.
func (w *walk) process(l *ledger, events []eventlog.Event) error {
	e, over := exitOf(events)
	if !over {
		return w.atRest(l)
	}
	w.tally.processes++
	w.tally.exits[e.code]++
	lost, open := l.missing()
	ended, late := l.counts()
	w.tally.spans += ended - late
	w.tally.lost += lost
	w.tally.copies += l.provisional
	if err := w.code(e); err != nil {
		return err
	}
	return w.atTheEnd(l, e, lost, open)
}

func exitOf(events []eventlog.Event) (x exit, ended bool) {
	for _, e := range events {
		switch e.Kind {
		case lambdatest.KindSigterm, invariant.KindSignal:
			x.sigterm = true
		case lambdatest.KindProcessExit:
			x.code, ended = e.Count, true
		}
	}
	return x, ended
}

// code compares the exit code with what ended the process.
func (w *walk) code(e exit) error {
	want := []int{-1} // SIGKILL: the platform knew of no extension
	switch {
	case e.sigterm:
		want = []int{0}
	case len(w.calls) > 0 && w.calls[0].end.do == "exit":
		want = []int{exitCode}
	case len(w.calls) > 0 && (w.calls[0].end.do == "panic" || w.calls[0].end.do == "large"):
		want = []int{1}
	}
	if e.code != want[0] || e.code == -1 && w.platform.config.Faults.Register.Status == 0 {
		return fmt.Errorf("the process ended with code %d; want %d", e.code, want[0])
	}
	return nil
}

// atRest judges a process that lives: when the collector has been well for a while, nothing waits any more, but for what
// the strategy has left for a later end.
func (w *walk) atRest(l *ledger) error {
	s := l.agent.Stats()
	var err error
	if n := l.wires.waiting(); n > 0 && !w.mayFlushBeside() {
		err = fmt.Errorf("the environment is frozen, and %d requests wait for their answers", n)
	}
	if s.InFlight != 0 || s.StuckFlushes != 0 {
		err = errors.Join(err, fmt.Errorf("the agent of an idle process: %+v", s))
	}
	w.gauges.watch(w.invocations)
	pending := l.tel.Stats().Pending
	// Where next breaks just before a freeze, the agent hears of it late, and waits for an INVOKE that does not come.
	told := w.platform.config.Faults.Next == (lambdatest.Fault{})
	// Where nobody holds the environment, nobody flushes for a payload that does not decode; and just before the
	// deadline there is no time to.
	unflushed := slices.ContainsFunc(w.calls, func(c *call) bool { return c.end.grace || c.end.do == "late" })
	postponed := s.FlushesDeferred > w.before.postponed || l != w.before.ledger && s.FlushesDeferred > 0
	if postponed {
		w.tally.postponed++
	}
	if postponed && w.platform.strategy == "" {
		err = errors.Join(err, fmt.Errorf("a flush was put off without a strategy: %+v", s))
	}
	if pending > 0 && w.recovered() && w.stragglers == 0 && told && !unflushed && !postponed {
		err = errors.Join(err, fmt.Errorf("%d spans wait, though the collector has been well for %d invocations and %s",
			pending, w.weather.turns, time.Since(w.weather.since)))
	}
	return err
}

// recovered reports whether the collector has been well for long enough that everything has to have been delivered.
func (w *walk) recovered() bool {
	return w.weather.well() && w.weather.turns > 3 && time.Since(w.weather.since) > 2*time.Minute
}

// atTheEnd judges a process that has ended. With a collector that is well only os.Exit and SIGKILL lose anything: what
// had not been flushed.
func (w *walk) atTheEnd(l *ledger, e exit, lost, open int) error {
	s := l.tel.Stats()
	ended, late := l.counts()
	allowed := int(s.Dropped.QueueFull + s.Dropped.Rejected + s.Dropped.Refused)
	switch {
	case !w.weather.well():
		return nil
	case e.code == exitCode || e.code == -1:
		was := w.before
		if was.ledger != l {
			was = before{}
		}
		allowed += int(was.stats.Pending) + ended - was.ended
	case e.code == 1:
		allowed += w.stragglers // ended during the last flush, or after it
	case e.sigterm:
		allowed += max(0, int(s.Dropped.AfterShutdown)-late)
		if open > 0 {
			return fmt.Errorf("%d spans were left open at SIGTERM", open)
		}
	}
	if lost > allowed {
		return fmt.Errorf("%d spans are lost with process %d, which ended with code %d; at most %d had to be: "+
			"%+v, %d ended after it", lost, l.number, e.code, allowed, s, late)
	}
	return nil
}
