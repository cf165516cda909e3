package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/breaker"
)

// work is a worker: it delivers b and then further batches, until none is left or the flush gives up. The last worker
// ends the flush.
func (s *stream) work(f *flush, b *batch) {
	for b != nil {
		s.deliver(f, b)
		b = s.next(f, b)
	}
}

// next puts back the rest of the batch b and returns the next batch. Without one, the worker has left the flush.
func (s *stream) next(f *flush, b *batch) *batch {
	e := s.engine
	e.mu.Lock()
	s.items.putBack(b)
	if f.active() {
		if b := s.items.take(f.task()); b != nil {
			e.mu.Unlock()
			return b
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
	return nil
}

// deliver attempts to send b until it is empty, or the flush gives up or goes on without it.
func (s *stream) deliver(f *flush, b *batch) {
	var x Export
	defer func() { s.exported(f, x) }()
	over := time.Now().Add(s.config.Timeout)
	var retry backoff
	var earliest time.Time
	for {
		t, ok := s.nextAttempt(f, b, over, earliest)
		if !ok {
			return
		}
		a := s.attempt(f, t)
		x.add(a)
		if !s.record(f, b, a) {
			return
		}
		retry, earliest = retry.next(a)
	}
}

// nextAttempt waits for the earliest time of an attempt at b, which has time until over, and for Retry-After. It
// returns the terms of the attempt. If the policy changes meanwhile, the pause is computed again. If none may follow,
// it returns false: b is empty or the flush gives up.
func (s *stream) nextAttempt(f *flush, b *batch, over, earliest time.Time) (t terms, ok bool) {
	for {
		s.engine.mu.Lock()
		pause, err := s.nextPauseLocked(f, over, time.Until(earliest))
		if err != nil && !isEmpty(b) {
			f.giveUp(err)
		}
		t, changed := s.termsLocked(f, b, over), f.changed
		s.engine.mu.Unlock()
		if err != nil || pause <= 0 || len(t.entries) == 0 {
			return t, err == nil && len(t.entries) > 0
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
			earliest = time.Time{} // it may have been shortened
		case <-changed:
		case <-f.ctx.Done():
		}
		timer.Stop()
	}
}

// nextPauseLocked returns how long to wait for the next attempt.
func (s *stream) nextPauseLocked(f *flush, over time.Time, backoff time.Duration) (pause time.Duration, err error) {
	now := time.Now()
	deadline := s.deadlineLocked(f)
	if f.policy != shutdown && over.Before(deadline) {
		deadline = over
	}
	switch {
	case f.ctx.Err() != nil:
		return 0, context.Cause(f.ctx)
	case f.policy != shutdown && !now.Before(over):
		return 0, errExportTimeout
	case f.stopReason != nil:
		return 0, errNoProgress
	}
	retryAfter := breaker.Remaining(s.retryAfter.until, now)
	if backoff <= 0 && retryAfter <= 0 {
		return 0, nil
	}
	pause, ok := f.policy.retryIn(backoff, retryAfter, deadline.Sub(now))
	switch {
	case !ok && retryAfter > backoff:
		if f.err == nil {
			f.err = s.retryAfter.cause
		}
		return 0, fmt.Errorf("the backend asked for a pause of %s (Retry-After)", s.retryAfter.asked)
	case !ok:
		return 0, fmt.Errorf("no time for another attempt in %s", pause.Round(time.Millisecond))
	case retryAfter < backoff && !f.policy.keepsRetrying(now.Sub(f.lastProgress), backoff, s.budgetLocked(f)):
		return 0, errNoProgress
	}
	if retryAfter > 0 {
		f.lastProgress = now.Add(pause) // the backend wants the pause
	}
	return pause, nil
}

// record acknowledges the items of b that an attempt decides about, and enters the attempt into the flush and the
// breaker. It reports whether the worker goes on with b. If not, the flush gives up or goes on without b.
func (s *stream) record(f *flush, b *batch, a attempt) (goesOn bool) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	exhausted := s.items.sent(b, a.end, f.number, a.AnswersLost, a.Outcome == Accepted)
	if a.divided {
		s.requestBytes = min(s.requestBytes, a.size/2)
		if a.items == 1 {
			s.itemBytes = min(s.itemBytes, a.size/2)
		}
	} else {
		s.items.ack(b, a.end, a.Outcome, a.Rejected)
	}
	s.items.discardFrom(b, s.items.superseded, &s.items.counts.Superseded)
	s.noteLocked(f, a)
	s.learnLocked(f, a)
	switch {
	case a.permanent() || a.unsent:
		return true
	case s.export != nil:
		s.failedLocked(f, b, a)
	case f.policy == probe:
		f.giveUp(errProbeFailed)
	case exhausted && f.policy == shutdown:
		b.failed.flush = f.number
	case exhausted:
		f.giveUp(errAnswersLost)
	case a.Outcome == RetryNextFlush && f.policy != shutdown:
		f.giveUp(errNoProgress)
	default:
		return true
	}
	return false
}

// noteLocked keeps what an attempt says.
func (s *stream) noteLocked(f *flush, a attempt) {
	c := &s.config
	if key, hint := a.hint(); hint != nil && c.OnHint != nil {
		f.reports = append(f.reports, func() { c.OnHint(key, hint) })
	}
	switch {
	case a.divided:
	case !a.permanent():
		if a.err != nil {
			f.err = a.err
		}
	case a.Outcome != Accepted:
		s.dropReason, f.refusal = a.err, a.err
	default:
		remark := a.partialSuccess(c.Items)
		if a.Rejected > 0 {
			s.dropReason = remark
		}
		if remark != nil && c.OnPartialSuccess != nil {
			f.reports = append(f.reports, func() { c.OnPartialSuccess(remark) })
		}
	}
}

// learnLocked records what an attempt tells about the backend.
func (s *stream) learnLocked(f *flush, a attempt) {
	e, now := s.engine, time.Now()
	if a.unsent || s.export != nil && !a.permanent() && a.took < instantFailure {
		return
	}
	if f.firstRequest.IsZero() || a.begun.Before(f.firstRequest) {
		f.firstRequest = a.begun
	}
	if a.Answered || a.permanent() {
		s.lastResponse, s.silentSince = now, time.Time{}
	}
	if a.permanent() {
		f.decided, f.lastProgress = true, now
		took := max(min(a.took, s.budgetLocked(f)), 1) // the process may have been frozen meanwhile
		if e.usual == 0 {
			e.answersLocked()
		}
		e.usual = max(took, e.usual-(e.usual-took)/8) // up at once, down slowly
		s.breaker.Success()
		if f.policy == probe {
			f.change(normal, f.stopReason)
			s.addWorkersLocked(f)
		}
		return
	}
	f.failed = f.failed || !a.late
	if d := min(a.RetryAfter, retryAfterLimit); d > 0 && now.Add(d).After(s.retryAfter.until) {
		s.retryAfter = retryAfter{asked: d, until: now.Add(d), cause: a.err}
	}
}

// exported keeps an export for Config.OnExport.
func (s *stream) exported(f *flush, x Export) {
	if s.config.OnExport == nil || x.Began.IsZero() {
		return
	}
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	f.reports = append(f.reports, func() { s.config.OnExport(x) })
}

// reportErrorsLocked keeps the errors of a flush that no caller waits for.
func (s *stream) reportErrorsLocked(f *flush, gaveUp bool) {
	c := &s.config
	if c.OnError == nil {
		return
	}
	add := func(err error) { f.reports = append(f.reports, func() { c.OnError(err) }) }
	if gaveUp {
		add(fmt.Errorf("export %s: %w; %d pending", c.Items, f.failure(), s.items.stats().Pending))
	}
	if f.refusal != nil {
		add(fmt.Errorf("export %s: %w", c.Items, f.refusal))
	}
	if n := s.items.counts.Dropped.QueueFull + s.items.counts.Dropped.QueueBytes - s.announced; n > 0 {
		s.announced += n
		add(fmt.Errorf("%d %s dropped: the queue was full", n, c.Items))
	}
}

// report makes calls of callbacks, which are foreign code. If they block, it leaves them behind, so that they cost the
// flush no more than callbackTime, and makes no others until they have returned.
func (s *stream) report(calls []func()) {
	if len(calls) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), callbackTime)
	defer cancel()
	_ = s.callbacks.Call(ctx, 0, func(context.Context) error {
		for _, call := range calls {
			_ = bounded.Protect(call)
		}
		return nil
	})
}
