package soak

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// check compares the events since mark: the invocations of one step, or a shutdown. Nothing is under way.
func (v *virtualRun) check() {
	v.Helper()
	v.mu.Lock()
	o := v.current
	v.mu.Unlock()
	events := v.log.Since(v.mark)
	if slices.ContainsFunc(v.calls, func(c *call) bool { return len(c.command.Behind) > 0 }) {
		v.behindUntil = time.Now().Add(longestBehind)
	}
	for _, err := range []error{v.checkCounts(o), v.checkHeld(events), v.checkProcess(o, events), v.checkRules()} {
		if err != nil {
			v.Error(err)
		}
	}
	v.stopIfFailed()
	v.previous = v.checked()
}

// checkCounts compares the SDK's counts with what arrived.
func (v *virtualRun) checkCounts(o *observed) error {
	spans, requests := v.receiver.Drain()
	v.summary.requests += len(requests)
	err := errors.Join(o.receive(spans, requests, v.answerTo), o.compare())
	v.recordFrozen(o)
	s := o.SDK.Stats()
	was := v.before.of(o)
	if s.Pending > int64(v.platform.queue) {
		err = errors.Join(err, fmt.Errorf("%d spans are pending; the queue takes %d", s.Pending, v.platform.queue))
	}
	most := was.stats.Pending + s.Ended - was.stats.Ended // that have waited at once
	if n := s.Dropped.QueueFull - was.stats.Dropped.QueueFull; n > 0 && most <= int64(v.platform.queue) {
		err = errors.Join(err, fmt.Errorf("%d spans were dropped; the queue was never full: %+v, then %+v", n, was.stats, s))
	}
	return err
}

// recordFrozen records the requests that are under way when the environment is frozen: those that the process has given
// up, and those that it waits for, if it may.
func (v *virtualRun) recordFrozen(o *observed) {
	clear(v.frozen)
	for _, r := range v.receiver.Requests() {
		v.frozen[r.Number] = notReceived
		if o.connections.waiting() > 0 {
			v.frozen[r.Number] = maybeReceived
		}
	}
}

// answerTo says whether the process has received the answer to a request. If it may flush as the environment freezes, one
// that was frozen between the invocations of this step is as uncertain.
func (v *virtualRun) answerTo(r otlpreceiver.Request) answer {
	a, frozen := v.frozen[r.Number]
	switch {
	case r.Status == 0:
		return notReceived
	case frozen:
		return a
	case v.mayFlushInBackground() && len(v.calls) > 1:
		return maybeReceived
	}
	return received
}

// checkHeld compares how long invocations were held with their bounds.
func (v *virtualRun) checkHeld(events []eventlog.Event) (errs error) {
	calls := make(map[string]*call)
	for _, c := range v.calls {
		calls[c.id] = c
	}
	for _, r := range lambdatest.Invocations(events) {
		c := calls[r.RequestID]
		if c == nil {
			continue
		}
		after := v.platform.flushTimeout + callGrace + v.platform.hold
		if c.end.notStarted {
			after += harness.StartWait + harness.Gap
		}
		before := 3*c.command.Pause + 2*harness.Gap // a streamed body takes half as long again as the handler
		if c.end.do == "late" {
			before = harness.Timeout
		}
		if !v.platform.held || v.platform.handler || c.end.kills {
			before += v.platform.flushTimeout + callGrace
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
