package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/epilogue-go/epilogue/internal/breaker"
)

var errExportTimeout = errors.New("the export took longer than its timeout")

// work is a worker: it delivers batches until none is left or the flush gives up. The last worker ends the flush.
func (s *stream) work(f *flush) {
	if err := s.awaitProbe(f); err != nil {
		s.giveUp(f, err)
	}
	for p := s.next(f); p != nil; p = s.next(f) {
		err := s.deliver(f, p)
		p.release()
		if err != nil {
			s.giveUp(f, err)
		}
	}
}

// next returns the next batch. Without one, the worker has left the flush.
func (s *stream) next(f *flush) parcel {
	e := s.engine
	e.mu.Lock()
	if f.activeLocked() {
		if p := s.items.take(f.upTo); p != nil {
			e.mu.Unlock()
			return p
		}
	}
	f.workers--
	e.requests--
	last := f.workers == 0
	if last {
		s.endLocked(f)
	}
	e.hireLocked() // the slot is free for another signal
	e.mu.Unlock()
	if last {
		s.report(f)
		f.cancel()
		close(f.done)
	}
	return nil
}

func (s *stream) giveUp(f *flush, why error) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	f.giveUpLocked(why)
}

// awaitProbe waits until another signal's probe has ended, if the flush needs it.
func (s *stream) awaitProbe(f *flush) error {
	e := s.engine
	e.mu.Lock()
	prober := e.prober
	waits := f.state == waitingForProbe && prober != nil
	e.mu.Unlock()
	if waits {
		select {
		case <-prober.probed:
		case <-f.lastChanced:
		case <-f.ctx.Done():
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if f.state != waitingForProbe {
		return nil
	}
	if why := e.breaker.Cause(); why != nil {
		return openError("circuit breaker", e.breaker.Wait(time.Now()), why)
	}
	s.proceedLocked(f)
	return nil
}

// proceedLocked ends the probe of f with success: the flush goes on at full width.
func (s *stream) proceedLocked(f *flush) {
	if f.policy == probe {
		f.policy = normal
		if f.unowned {
			f.policy = background
		}
	}
	f.advanceLocked(sending)
	s.hireLocked(f)
}

// deliver attempts to send p until it is empty, or returns why it stops.
func (s *stream) deliver(f *flush, p parcel) error {
	ctx, cancel := s.batchContext(f)
	defer cancel()
	var retry backoff
	pause := time.Duration(0)
	for !p.empty() {
		if err := s.waitForAttempt(ctx, f, pause); err != nil {
			return err
		}
		a := s.attempt(ctx, f, p)
		policy := s.policyOf(f)
		switch {
		case a.outcome.permanent():
			retry, pause = backoff{}, 0
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case a.unsent: // it has waited for memory or CPU, not for the backend
			pause = 0
		case policy.singleAttempt:
			return errProbeFailed
		case a.outcome == RetryNextFlush && !policy.lastChance, p.custom():
			return s.failForNow(f, p, a)
		default:
			pause = retry.next(policy.maxBackoff)
		}
	}
	return nil
}

// failForNow ends the attempts at p in this flush. A batch that a custom exporter has failed too often is dropped, and
// the flush goes on.
func (s *stream) failForNow(f *flush, p parcel, a attempt) error {
	if p.custom() && p.fail() {
		p.settle(a.content, Refused, 0)
		s.record(f, p, attempt{content: a.content, outcome: Refused, err: a.err, unsent: true})
		return nil
	}
	return errNoProgress
}

// waitForAttempt waits for the pause that the attempts so far ask for, and for Retry-After. It returns an error if no
// attempt may follow.
func (s *stream) waitForAttempt(ctx context.Context, f *flush, pause time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	wait, honored, err := s.nextWait(ctx, f, pause)
	if err != nil || wait <= 0 {
		return err
	}
	if err := sleep(ctx, f, wait, s.policyOf(f)); err != nil {
		return err
	}
	if honored {
		s.engine.mu.Lock()
		f.lastProgress = time.Now() // the backend wanted the pause
		s.engine.mu.Unlock()
	}
	return nil
}

// nextWait returns how long to wait for the next attempt, and whether that honours Retry-After.
func (s *stream) nextWait(ctx context.Context, f *flush, pause time.Duration) (wait time.Duration, honored bool, err error) {
	until, bounded := ctx.Deadline()
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	retryAfter := breaker.Remaining(s.notBefore, time.Now())
	if pause <= 0 && retryAfter <= 0 {
		return 0, false, nil
	}
	wait, err = f.policy.retryIn(pause, retryAfter, time.Until(until), bounded)
	if err != nil {
		return 0, false, err
	}
	stalled := time.Since(f.lastProgress)
	if retryAfter < pause && !f.policy.keepsRetrying(stalled, pause, f.budgetLocked(s.config.Timeout)) {
		return 0, false, errNoProgress
	}
	return wait, retryAfter > 0, nil
}

// sleep waits for d, or until the policy becomes shutdown, which may have less time.
func sleep(ctx context.Context, f *flush, d time.Duration, p *policy) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	changed := f.lastChanced
	if p.lastChance {
		changed = nil
	}
	select {
	case <-timer.C:
		return nil
	case <-changed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *stream) policyOf(f *flush) *policy {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return f.policy
}

// batchContext returns the context for the delivery of one batch. It ends with the flush or after Config.Timeout, and
// shows the deadline of the flush, which may still move.
func (s *stream) batchContext(f *flush) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(f.ctx)
	if s.config.Timeout > 0 {
		cancel()
		ctx, cancel = context.WithTimeoutCause(f.ctx, s.config.Timeout, errExportTimeout)
	}
	return flushContext{ctx, s, f}, cancel
}

// flushContext shows the deadline of a flush. The flush's own context has none, since a waiter may still extend it.
type flushContext struct {
	context.Context
	stream *stream
	flush  *flush
}

// Deadline returns the earlier of the context's own deadline and the flush's.
func (c flushContext) Deadline() (time.Time, bool) {
	c.stream.engine.mu.Lock()
	defer c.stream.engine.mu.Unlock()
	at, ok := c.Context.Deadline()
	if f := c.flush; f.bounded && (!ok || f.deadline.Before(at)) {
		return f.deadline, true
	}
	return at, ok
}
