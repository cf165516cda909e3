package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/breaker"
)

var errExportTimeout = errors.New("the export took longer than its timeout")

// work is a worker: it delivers batches until none is left or the flush gives up. The last worker ends the flush.
func (s *stream) work(f *flush) {
	if err := s.awaitProbe(f); err != nil {
		s.giveUp(f, probe, err)
	}
	for {
		p, policy := s.next(f)
		if p == nil {
			return
		}
		if err := s.deliver(f, p); err != nil {
			s.giveUp(f, policy, err) // before the batch waits again, or another worker would take it
		}
		p.release()
	}
}

// next returns the next batch, and the policy under which it is taken. Without one, the worker has left the flush.
func (s *stream) next(f *flush) (parcel, *policy) {
	e := s.engine
	e.mu.Lock()
	if f.activeLocked() {
		if p := s.items.take(f.taskLocked()); p != nil {
			defer e.mu.Unlock()
			return p, f.policy
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
	return nil, nil
}

// giveUp lets no further attempt of f begin, for a reason that counts under the policy p. If the last chance has come
// since, the flush goes on.
func (s *stream) giveUp(f *flush, p *policy, why error) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if p.lastChance || !f.policy.lastChance {
		f.giveUpLocked(why)
	}
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
		case p.custom():
			return s.failForNow(ctx, f, p, a)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case a.unsent: // it has waited for memory or CPU, not for the backend
			pause = 0
		case policy.singleAttempt:
			return errProbeFailed
		case a.outcome == RetryNextFlush && !policy.lastChance:
			return errNoProgress
		default:
			pause = retry.next(policy.maxBackoff)
		}
	}
	return nil
}

// failForNow ends the attempts at a batch of a custom exporter in this flush. A batch that the exporter has failed too
// often is dropped. An attempt that was cut short says nothing about the batch. The flush goes on with the other batches
// while the failures cost no time, or if it is their last chance.
func (s *stream) failForNow(ctx context.Context, f *flush, p parcel, a attempt) error {
	cutShort := (a.late || errors.Is(a.err, bounded.ErrNotReturned)) && a.took < fairTrial
	if p.fail(f.number, !cutShort) {
		p.settle(a.content, Refused, 0)
		s.record(f, p, attempt{content: a.content, outcome: Refused, err: a.err, unsent: true})
	}
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	f.failing += a.took
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case f.policy.singleAttempt:
		return errProbeFailed
	case f.failing >= instantFailure && !f.policy.lastChance:
		return errNoProgress
	}
	return nil
}

// waitForAttempt waits for the pause that the attempts so far ask for, and for Retry-After. A change of the policy ends
// the wait. The error says why no attempt may follow.
func (s *stream) waitForAttempt(ctx context.Context, f *flush, pause time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	wait, changed, err := s.nextWait(ctx, f, pause)
	if err != nil || wait.pause <= 0 {
		return err
	}
	timer := time.NewTimer(wait.pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if f.state == stopping {
		return errNoProgress
	}
	if wait.honored {
		f.lastProgress = time.Now() // the backend wanted the pause
	}
	return nil
}

// wait is a pause before an attempt.
type wait struct {
	pause   time.Duration
	honored bool // Retry-After is part of it
}

// nextWait returns how long to wait for the next attempt, and a channel that is closed when this may have changed.
func (s *stream) nextWait(ctx context.Context, f *flush, pause time.Duration) (wait, <-chan struct{}, error) {
	until, bounded := ctx.Deadline()
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if f.state == stopping {
		return wait{}, nil, errNoProgress
	}
	retryAfter := breaker.Remaining(s.notBefore, time.Now())
	if pause <= 0 && (retryAfter <= 0 || f.policy.lastChance) {
		return wait{}, nil, nil
	}
	d, err := f.policy.retryIn(pause, retryAfter, time.Until(until), bounded)
	if err != nil {
		return wait{}, nil, err
	}
	stalled := time.Since(f.lastProgress)
	if retryAfter < pause && !f.policy.keepsRetrying(stalled, pause, s.budgetLocked(f)) {
		return wait{}, nil, errNoProgress
	}
	return wait{pause: d, honored: retryAfter > 0}, f.changed, nil
}

func (s *stream) policyOf(f *flush) *policy {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return f.policy
}

// batchContext returns the context for the delivery of one batch. It ends with the flush or after Config.Timeout, and
// shows the deadline of the flush, which may still move.
func (s *stream) batchContext(f *flush) (context.Context, context.CancelFunc) {
	if s.config.Timeout <= 0 {
		ctx, cancel := context.WithCancel(f.ctx)
		return flushContext{ctx, s, f}, cancel
	}
	ctx, cancel := context.WithTimeoutCause(f.ctx, s.config.Timeout, errExportTimeout)
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
	at, ok := c.Context.Deadline()
	c.stream.engine.mu.Lock()
	defer c.stream.engine.mu.Unlock()
	if d, bounded := c.stream.deadlineLocked(c.flush); bounded && (!ok || d.Before(at)) {
		return d, true
	}
	return at, ok
}
