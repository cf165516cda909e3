package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/internal/breaker"
)

// retryAfter is a pause that the backend has asked for. The zero value is none.
type retryAfter struct {
	asked time.Duration
	until time.Time
	cause error // of the request with the answer
}

// waitForAttempt waits for the pause that the attempts so far ask for, and for Retry-After. If the policy becomes
// shutdown meanwhile, the backoff ends and the wait for Retry-After is computed again. The error says why no attempt may follow.
func (s *stream) waitForAttempt(ctx context.Context, f *flush, backoff time.Duration) error {
	until := time.Now().Add(backoff)
	for ctx.Err() == nil {
		w, err := s.nextWait(ctx, f, time.Until(until))
		if err != nil || w.pause <= 0 {
			return err
		}
		timer := time.NewTimer(w.pause)
		select {
		case <-timer.C:
			until = time.Time{} // it may have been shortened
		case <-w.changed:
			if !w.policy.lastChance && s.policyOf(f).lastChance {
				until = time.Time{}
			}
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return context.Cause(ctx)
}

// wait is a pause before an attempt.
type wait struct {
	pause   time.Duration
	policy  *policy
	changed <-chan struct{} // closed when the policy or the state of the flush has changed
}

// nextWait returns how long to wait for the next attempt.
func (s *stream) nextWait(ctx context.Context, f *flush, backoff time.Duration) (wait, error) {
	until, bounded := ctx.Deadline()
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if f.state == stopping {
		return wait{}, errNoProgress
	}
	now := time.Now()
	retryAfter := breaker.Remaining(s.retryAfter.until, now)
	if backoff <= 0 && retryAfter <= 0 {
		return wait{}, nil
	}
	pause, ok := f.policy.retryIn(backoff, retryAfter, until.Sub(now), bounded)
	switch {
	case !ok && retryAfter > backoff:
		if f.err == nil {
			f.err = s.retryAfter.cause
		}
		return wait{}, fmt.Errorf("the backend asked for a pause of %s (Retry-After)", s.retryAfter.asked)
	case !ok:
		return wait{}, fmt.Errorf("no time for another attempt in %s", pause.Round(time.Millisecond))
	case retryAfter < backoff && !f.policy.keepsRetrying(now.Sub(f.lastProgress), backoff, s.budgetLocked(f)):
		return wait{}, errNoProgress
	}
	if retryAfter > 0 {
		f.lastProgress = now.Add(pause) // the backend wants the pause
	}
	return wait{pause, f.policy, f.changed}, nil
}

func (s *stream) policyOf(f *flush) *policy {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return f.policy
}

// limitedContext ends with its parent, or at its limit unless the policy of the flush is shutdown by then. It shows the
// deadline of the flush, which may still move. The flush's own context has none, since a waiter may still extend it.
type limitedContext struct {
	context.Context
	stream *stream
	flush  *flush
	limit  time.Time // zero: none
}

// limit returns a context for work of f that takes at most d (0: without limit). why is its cause after that.
func (s *stream) limit(ctx context.Context, f *flush, d time.Duration, why error) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if d <= 0 {
		return limitedContext{Context: ctx, stream: s, flush: f}, func() { cancel(nil) }
	}
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	var timer *time.Timer // of Engine.mu
	timer = time.AfterFunc(d, func() {
		s.engine.mu.Lock()
		defer s.engine.mu.Unlock()
		switch {
		case !f.policy.lastChance:
			cancel(why)
		case ctx.Err() == nil && !s.shutDown: // the policy is normal again after the exit deadline
			timer.Reset(max(time.Until(s.engine.exitDeadline), 0) + time.Millisecond)
		}
	})
	return limitedContext{ctx, s, f, time.Now().Add(d)}, func() { timer.Stop(); cancel(nil) }
}

// Deadline returns the time at which the context ends unless the flush changes.
func (c limitedContext) Deadline() (time.Time, bool) {
	at, ok := c.Context.Deadline() // of a limitedContext around this one
	e := c.stream.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	earlier := func(t time.Time) {
		if !ok || t.Before(at) {
			at, ok = t, true
		}
	}
	if d, bounded := c.stream.deadlineLocked(c.flush); bounded {
		earlier(d)
	}
	if !c.limit.IsZero() && !c.flush.policy.lastChance {
		earlier(c.limit)
	}
	return at, ok
}
