package soak

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// settle judges what has happened since mark: the invocations of one step, or a shutdown. Nothing is under way.
func (w *walk) settle() {
	w.Helper()
	w.mu.Lock()
	l := w.current
	w.mu.Unlock()
	events := w.log.Since(w.mark)
	if slices.ContainsFunc(w.calls, func(c *call) bool { return c.order.Left > 0 }) {
		w.until = time.Now().Add(longestStraggler)
	}
	for _, err := range []error{w.account(l), w.holds(events), w.process(l, events), w.rules()} {
		if err != nil {
			w.Error(err)
		}
	}
	w.giveUp()
	w.earlier = w.chapter()
}

// chapter is what the rules of every log are applied to: a step, when the next one is over, but for requests that end in the
// freeze or after it. Whether their client still waits for them is known from its wires.
type chapter struct {
	mark   int
	calls  []*call
	permit invariant.Permit
	well   bool
}

// chapter makes one of the step that is over. Where nothing holds the environment the handler flushes before an error is
// posted, and the agent after it, if anything has ended in between.
func (w *walk) chapter() *chapter {
	ch := &chapter{mark: w.mark, calls: w.calls, well: w.weather.well()}
	ch.permit = invariant.Permit{Twice: true, Early: make(map[string]bool), Timeouts: make(map[string]bool)}
	waiting := w.before.stats.Pending
	for _, c := range w.calls {
		waiting += int64(c.order.Spans) + 4
	}
	ch.permit.Beside = w.mayFlushBeside()
	for _, c := range w.calls {
		ch.permit.Early[c.id] = !w.platform.steady || c.end.do == "late" || w.platform.handler || c.end.kills || waiting >= int64(w.platform.queue/2)
		ch.permit.Timeouts[c.id] = c.end.hangs
	}
	return ch
}

// account compares what the process says with what arrived.
func (w *walk) account(l *ledger) error {
	spans, requests := w.receiver.Take()
	w.tally.requests += len(requests)
	err := errors.Join(l.receive(spans, requests, w.heardOf, w.platform.copies), l.audit())
	w.freeze(l)
	s := l.tel.Stats()
	was := w.before.stats
	if l != w.before.ledger {
		was = before{}.stats
	}
	if s.Pending > int64(w.platform.queue) {
		err = errors.Join(err, fmt.Errorf("%d spans are pending; the queue takes %d", s.Pending, w.platform.queue))
	}
	if n := s.Dropped.QueueFull - was.Dropped.QueueFull; n > 0 && was.Pending+s.Ended-was.Ended <= int64(w.platform.queue) {
		err = errors.Join(err, fmt.Errorf("%d spans gave way; the queue was never full: %+v, then %+v", n, was, s))
	}
	return err
}

// freeze notes what is under way as the environment is frozen: requests that the process has given up on, or that it waits
// for, where it may.
func (w *walk) freeze(l *ledger) {
	clear(w.frozen)
	for _, r := range w.receiver.Requests() {
		w.frozen[r.Number] = no
		if l.wires.waiting() > 0 {
			w.frozen[r.Number] = perhaps
		}
	}
}

// heardOf reports whether the process has had the answer to a request. Where it may flush as the environment freezes, one that
// was frozen between the invocations of this step is as uncertain.
func (w *walk) heardOf(r otlpreceiver.Request) heard {
	h, frozen := w.frozen[r.Number]
	switch {
	case r.Status == 0:
		return no
	case frozen:
		return h
	case w.mayFlushBeside() && len(w.calls) > 1:
		return perhaps
	}
	return yes
}

// holds compares how long invocations were held with their bounds.
func (w *walk) holds(events []eventlog.Event) (errs error) {
	calls := make(map[string]*call)
	for _, c := range w.calls {
		calls[c.id] = c
	}
	for _, r := range lambdatest.Invocations(events) {
		c := calls[r.RequestID]
		if c == nil {
			continue
		}
		after := w.platform.flushTimeout + straggle + w.platform.hold
		if c.end.grace {
			after += grace + gap
		}
		before := 2*c.order.Pause + 2*gap
		if !w.platform.steady || w.platform.handler || c.end.kills {
			before += w.platform.flushTimeout + straggle
		}
		switch {
		case r.TimedOut != c.end.hangs:
			errs = errors.Join(errs, fmt.Errorf("%v: timed out: %t", c, r.TimedOut))
		case r.AfterResponse > after:
			errs = errors.Join(errs, fmt.Errorf("%v: held for %s after the post; at most %s", c, r.AfterResponse, after))
		case !c.end.hangs && c.signal == "" && r.Handler > before:
			errs = errors.Join(errs, fmt.Errorf("%v: posted after %s; at most %s", c, r.Handler, before))
		}
	}
	return errs
}

// mayFlushBeside reports whether the agent may be flushing when the environment freezes, since it does not hold it: see chapter;
// and when it has just heard that next is broken, or of a signal.
func (w *walk) mayFlushBeside() bool {
	signalled := slices.ContainsFunc(w.calls, func(c *call) bool { return c.signal != "" })
	broken := w.platform.config.Faults.Next != (lambdatest.Fault{})
	return !w.platform.steady && (w.stragglers > 0 || signalled || broken)
}

// rules applies the invariants of every log to the step before.
func (w *walk) rules() (errs error) {
	ch := w.earlier
	if ch == nil {
		return nil
	}
	events := w.log.Since(ch.mark)
	given := givenUp(events)
	other := func(e eventlog.Event) bool {
		number, _, _ := strings.Cut(e.Detail, ":")
		switch {
		case given[number]:
			return true
		case e.Kind == lambdatest.KindExtensionNext && e.Who == neighbour:
			return true
		case e.Kind == lambdatest.KindFrozenActivity && e.Detail == "dial":
			return true // net/http's, for a request that has found another connection; one for a request shows at the thaw
		}
		return e.Seq >= w.mark
	}
	s := &invariant.Story{Events: slices.DeleteFunc(events, other), Exact: true, Collector: collectorAddress, Permit: ch.permit}
	for name, holds := range invariant.Rules {
		if name == "the next invocation waits for none" && (w.platform.neighbour || !w.platform.steady || !ch.well) {
			continue // it may wait for the other extension, or between two attempts
		}
		if err := holds(s); err != nil {
			errs = errors.Join(errs, fmt.Errorf("of the step before, from event %d on: %s: %w", ch.mark, name, err))
		}
	}
	return errs
}

// givenUp are the requests that were under way when the environment was frozen.
func givenUp(events []eventlog.Event) map[string]bool {
	open, given := make(map[string]bool), make(map[string]bool)
	for _, e := range events {
		number, _, _ := strings.Cut(e.Detail, ":")
		switch e.Kind {
		case otlpreceiver.KindExportBegun:
			open[number] = true
		case otlpreceiver.KindExportDone, otlpreceiver.KindExportRefused:
			delete(open, number)
		case lambdatest.KindFreeze:
			maps.Copy(given, open)
		}
	}
	return given
}

// exit is how a process has ended.
type exit struct {
	code       int
	sigterm    bool // it was asked to, by the platform or by the walk
	registered bool // the platform had an extension
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

// atRest judges a process that lives: when the collector has been well for a while, nothing waits any more.
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
	// Where nobody holds the environment, nobody flushes for a payload that does not decode; and just before the deadline there
	// is no time to.
	unflushed := slices.ContainsFunc(w.calls, func(c *call) bool { return c.end.grace || c.end.do == "late" })
	if pending > 0 && w.recovered() && w.stragglers == 0 && told && !unflushed {
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
	case !w.weather.well(), e.code == 1 && !w.recovered(): // or asks to be left alone still, which a shutdown does not heed
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
		return fmt.Errorf("%d spans are lost with process %d, which ended with code %d; at most %d had to be: %+v, %d ended after it",
			lost, l.number, e.code, allowed, s, late)
	}
	return nil
}
