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
	clear(v.frozen)
	for _, r := range v.receiver.Requests() {
		v.frozen[r.Number] = true
	}
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

// answerTo says whether the process has received the answer to a request: perhaps, if the environment was frozen meanwhile.
func (v *virtualRun) answerTo(r otlpreceiver.Request) answer {
	switch {
	case r.Status == 0:
		return notReceived
	case v.frozen[r.Number], v.mayFlushInBackground() && len(v.calls) > 1:
		return maybeReceived
	}
	return received
}

// checkHeld compares how long invocations were held after their posts with the longest time that a flush takes.
func (v *virtualRun) checkHeld(events []eventlog.Event) (errs error) {
	for _, r := range lambdatest.Invocations(events) {
		i := slices.IndexFunc(v.calls, func(c *call) bool { return c.id == r.RequestID })
		if i < 0 {
			continue
		}
		most := v.platform.flushTimeout + callGrace + v.platform.hold
		if v.calls[i].end.notStarted {
			most += harness.StartWait + harness.Gap
		}
		if r.TimedOut != v.calls[i].end.hangs || r.AfterResponse > most {
			errs = errors.Join(errs, fmt.Errorf("%v: timed out: %t; held for %s after the post, at most %s",
				v.calls[i], r.TimedOut, r.AfterResponse, most))
		}
	}
	return errs
}
