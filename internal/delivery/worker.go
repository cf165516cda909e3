package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/internal/breaker"
)

// work is a worker: it delivers batches until none is left or the flush gives up. The last worker ends the flush.
func (s *stream) work(f *flush) {
	b, p := s.next(f, nil, nil, nil)
	for b != nil {
		err := s.deliver(f, b)
		b, p = s.next(f, b, p, err)
	}
}

// next puts back the batch b (nil: none), which the worker has taken under the policy p and could not deliver because of
// err (nil: it did), and returns the next batch and the policy under which it is taken. Without one, the worker has left
// the flush.
func (s *stream) next(f *flush, b *batch, p *policy, err error) (*batch, *policy) {
	e := s.engine
	e.mu.Lock()
	switch {
	case b == nil:
	case err == errAnswersLost && f.policy.lastChance: //nolint:errorlint // it is not wrapped
		f.exhausted = append(f.exhausted, b)
	default:
		if err != nil {
			f.giveUpLocked(p, err)
		}
		s.items.putBack(b)
	}
	if f.activeLocked() {
		if b := s.items.take(f.taskLocked()); b != nil {
			defer e.mu.Unlock()
			return b, f.policy
		}
	}
	f.workers--
	e.requests--
	last := f.workers == 0
	var reports []func()
	if last {
		reports = s.endLocked(f)
	}
	e.addWorkersLocked() // the slot is free for another signal
	e.mu.Unlock()
	if last {
		s.report(reports)
		f.cancel()
		close(f.done)
	}
	return nil, nil
}

// deliver attempts to send b until it is empty, or returns why it stops.
func (s *stream) deliver(f *flush, b *batch) error {
	var x Export
	defer func() { s.exported(f, x) }()
	over := time.Now().Add(s.config.Timeout)
	var retry backoff
	pause := time.Duration(0)
	for s.holdsItems(b) {
		if err := s.waitForAttempt(f, over, pause); err != nil {
			return err
		}
		a := s.attempt(f, b, over)
		x.add(a)
		p, err := s.record(f, b, a)
		switch {
		case a.permanent():
			retry, pause = backoff{}, 0
		case s.export != nil || err != nil:
			return err
		case a.unsent: // it has waited for memory or CPU, not for the backend
			pause = 0
		case p.probes:
			return errProbeFailed
		case a.Outcome == RetryNextFlush && !p.lastChance:
			return errNoProgress
		default:
			pause = retry.next(p.maxBackoff)
		}
	}
	return nil
}

// exported keeps an export for Config.OnExport.
func (s *stream) exported(f *flush, x Export) {
	if s.config.OnExport == nil || x.Began.IsZero() {
		return
	}
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	f.exports = append(f.exports, x)
}

// holdsItems reports whether some items of b have not left.
func (s *stream) holdsItems(b *batch) bool {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return !isEmpty(b)
}

// waitForAttempt waits for the pause that the attempts so far ask for, and for Retry-After. If the policy changes meanwhile,
// the pause is computed again. The error says why no attempt may follow at a batch that has time until over.
func (s *stream) waitForAttempt(f *flush, over time.Time, backoff time.Duration) error {
	until := time.Now().Add(backoff)
	for {
		pause, changed, err := s.nextPause(f, over, time.Until(until))
		if err != nil || pause <= 0 {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
			until = time.Time{} // it may have been shortened
		case <-changed:
		case <-f.ctx.Done():
		}
		timer.Stop()
	}
}

// nextPause returns how long to wait for the next attempt, and a channel that is closed when this may have changed.
func (s *stream) nextPause(f *flush, over time.Time, backoff time.Duration) (
	pause time.Duration, changed <-chan struct{}, err error,
) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	now := time.Now()
	deadline := s.deadlineLocked(f)
	if !f.policy.lastChance && over.Before(deadline) {
		deadline = over
	}
	switch {
	case f.ctx.Err() != nil:
		return 0, nil, context.Cause(f.ctx)
	case !f.policy.lastChance && !now.Before(over):
		return 0, nil, errExportTimeout
	case f.state == stopping:
		return 0, nil, errNoProgress
	}
	retryAfter := breaker.Remaining(s.retryAfter.until, now)
	if backoff <= 0 && retryAfter <= 0 {
		return 0, nil, nil
	}
	pause, ok := f.policy.retryIn(backoff, retryAfter, deadline.Sub(now))
	switch {
	case !ok && retryAfter > backoff:
		if f.err == nil {
			f.err = s.retryAfter.cause
		}
		return 0, nil, fmt.Errorf("the backend asked for a pause of %s (Retry-After)", s.retryAfter.asked)
	case !ok:
		return 0, nil, fmt.Errorf("no time for another attempt in %s", pause.Round(time.Millisecond))
	case retryAfter < backoff && !f.policy.keepsRetrying(now.Sub(f.lastProgress), backoff, s.budgetLocked(f)):
		return 0, nil, errNoProgress
	}
	if retryAfter > 0 {
		f.lastProgress = now.Add(pause) // the backend wants the pause
	}
	return pause, f.changed, nil
}
