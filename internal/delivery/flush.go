package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/internal/breaker"
)

// flush is one export of a signal's items, shared by all callers that ask while it is under way. See Engine for its
// states.
//
// Engine.mu guards all fields but those of the first group.
type flush struct {
	ctx    context.Context // ends when nothing waits for the flush any more
	cancel context.CancelFunc
	began  time.Time
	number uint64
	done   chan struct{} // closed by the last worker when the flush has ended and has reported

	policy     policy
	stopReason error         // why it makes no further attempt; nil: it is not stopping
	changed    chan struct{} // closed and replaced by change
	upTo       uint64        // items with a lower number are its task
	workers    int

	callers    int       // that wait for it
	background bool      // the background waits for it, and its errors go to Config.OnError
	held       bool      // it goes on until the exit deadline
	deadline   time.Time // the latest of all callers that have waited; see stream.deadlineLocked
	leftAt     time.Time // time at which the last of them left; zero: at least one waits

	firstRequest time.Time     // zero: none was made
	lastProgress time.Time     // last time at which a request was decided about, or the backend had asked for a pause
	failedTime   time.Duration // time that a custom exporter has taken for batches that it has failed
	decided      bool          // a request was accepted or permanently refused
	failed       bool          // a request failed, and not because its time was over

	err     error    // of the last failed attempt
	refusal error    // of the last items that were refused
	reports []func() // calls of Config's callbacks, to be made at its end
}

// change gives the flush a policy, and a reason to stop (nil: none). It wakes the workers that wait.
func (f *flush) change(p policy, why error) {
	f.policy, f.stopReason = p, why
	close(f.changed)
	f.changed = make(chan struct{})
}

// join adds a caller with a deadline.
func (f *flush) join(deadline time.Time) {
	f.callers++
	if deadline.After(f.deadline) {
		f.deadline = deadline
	}
}

// leave removes a caller.
func (f *flush) leave() {
	f.callers--
	f.endIfUnwanted()
}

// endIfUnwanted ends the flush if nothing waits for it any more.
func (f *flush) endIfUnwanted() {
	if f.callers == 0 && !f.background && !f.held && f.leftAt.IsZero() {
		f.leftAt = time.Now()
		f.cancel()
	}
}

// task is what its workers take.
func (f *flush) task() task { return task{upTo: f.upTo, flush: f.number} }

// active reports whether workers may take batches.
func (f *flush) active() bool { return f.stopReason == nil && f.ctx.Err() == nil }

// giveUp lets no further attempt begin.
func (f *flush) giveUp(why error) {
	if f.stopReason == nil {
		f.change(f.policy, why)
	}
}

// failure returns why items are left: why no attempt follows, and the last failure.
func (f *flush) failure() error {
	switch {
	case f.err == nil:
		return f.stopReason
	case f.stopReason == nil:
		return fmt.Errorf("last failure: %w", f.err)
	}
	return fmt.Errorf("%w; last failure: %w", f.stopReason, f.err)
}

// beginLocked begins a flush of all items pushed so far. There is none under way, and at least one item waits.
func (s *stream) beginLocked(background bool) *flush {
	s.disarmLocked()
	s.flushes++
	now := time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	f := &flush{
		ctx: ctx, cancel: cancel, began: now, number: s.flushes, done: make(chan struct{}), background: background,
		changed: make(chan struct{}), upTo: s.items.next, lastProgress: now,
	}
	switch {
	case s.lastChanceLocked():
		f.policy = shutdown
	case s.breaker.State(now) != breaker.Closed || s.engine.silentLocked(s):
		f.policy = probe
	}
	s.flush = f
	return f
}

// addWorkersLocked gives f as many workers as it has batches for, one while its probe is under way.
func (s *stream) addWorkersLocked(f *flush) {
	for f.active() && (f.policy != probe || f.workers == 0) && s.engine.mayRequestLocked(s) {
		b := s.items.take(f.task())
		if b == nil {
			return
		}
		f.workers++
		s.engine.requests++
		go s.work(f, b)
	}
}

// extendLocked makes all items pushed so far the task of f.
func (s *stream) extendLocked(f *flush) {
	f.upTo = s.items.next
	s.addWorkersLocked(f)
}

// endLocked ends f, whose last worker has left, and provides for the items that are left. It returns the calls of
// callbacks about f, for report.
func (s *stream) endLocked(f *flush) (reports []func()) {
	gaveUp := !s.items.done(f.upTo)
	if gaveUp && f.err == nil && f.stopReason == nil {
		f.stopReason = context.Cause(f.ctx)
	}
	s.flush = nil
	s.recordOutcomeLocked(f)
	unattended := f.background && f.callers == 0
	switch {
	case !gaveUp || f.decided:
		s.backgroundFailures.Success()
	case unattended:
		s.backgroundFailures.Failure(time.Now(), nil)
	}
	if s.items.waitingItems() > 0 { // a threshold reached while f was under way
		s.exportLaterLocked(s.enoughLocked() && (f.background || s.background) && !gaveUp)
	}
	if unattended {
		s.reportErrorsLocked(f, gaveUp)
	}
	return f.reports
}

// deadlineLocked returns the time at which the attempts of f are over.
func (s *stream) deadlineLocked(f *flush) time.Time {
	deadline := f.deadline
	if f.background {
		deadline = f.began.Add(noLimit)
	}
	if exit := s.engine.exitDeadline; s.engine.exitingLocked() && (f.held || exit.Before(deadline)) {
		return exit
	}
	return deadline
}

// budgetLocked returns the time that f has in all for a batch.
func (s *stream) budgetLocked(f *flush) time.Duration {
	budget := max(s.deadlineLocked(f).Sub(f.began), 1)
	if f.policy == shutdown {
		return budget
	}
	return min(budget, s.config.Timeout)
}

// recordOutcomeLocked records the outcome of an ended flush in the circuit breaker.
func (s *stream) recordOutcomeLocked(f *flush) {
	e := s.engine
	if f.decided || f.firstRequest.IsZero() || !e.limits.Breaker {
		return
	}
	now := f.leftAt // the process may have been frozen since
	if now.IsZero() {
		now = time.Now()
	}
	if f.failed {
		s.breaker.Failure(now, f.err)
	} else {
		enough := min(s.breaker.ProbeTimeout(e.usual, 0), s.budgetLocked(f)/4*3)
		s.breaker.Unanswered(now, now.Sub(f.firstRequest), enough, f.err)
	}
	if s.breaker.State(now) != breaker.Closed && s.silentSince.IsZero() && s.lastResponse.Before(f.began) {
		s.silentSince = f.began
	}
}
