package delivery

import (
	"context"
	"time"
)

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
		p.putBack()
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
	e.addWorkersLocked() // the slot is free for another signal
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
	ctx, cancel := s.limit(f.ctx, f, s.config.Timeout, errExportTimeout)
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
			return s.failed(ctx, f, p, a)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case a.unsent: // it has waited for memory or CPU, not for the backend
			pause = 0
		case policy.probes:
			return errProbeFailed
		case a.outcome == RetryNextFlush && !policy.lastChance:
			return errNoProgress
		default:
			pause = retry.next(policy.maxBackoff)
		}
	}
	return nil
}
