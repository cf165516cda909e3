package soak

import (
	"errors"
	"fmt"
	"slices"
	"time"

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

// account compares what the process says with what arrived.
func (w *walk) account(l *ledger) error {
	spans, requests := w.receiver.Drain()
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
	most := was.Pending + s.Ended - was.Ended // that have waited at once
	if n := s.Dropped.QueueFull - was.Dropped.QueueFull; n > 0 && most <= int64(w.platform.queue) {
		err = errors.Join(err, fmt.Errorf("%d spans gave way; the queue was never full: %+v, then %+v", n, was, s))
	}
	return err
}

// freeze notes what is under way as the environment is frozen: requests that the process has given up on, or that
// it waits for, where it may.
func (w *walk) freeze(l *ledger) {
	clear(w.frozen)
	for _, r := range w.receiver.Requests() {
		w.frozen[r.Number] = no
		if l.wires.waiting() > 0 {
			w.frozen[r.Number] = perhaps
		}
	}
}

// heardOf reports whether the process has had the answer to a request. Where it may flush as the environment
// freezes, one that was frozen between the invocations of this step is as uncertain.
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
