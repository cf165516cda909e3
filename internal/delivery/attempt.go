package delivery

import (
	"context"
	"fmt"
	"time"
)

// attempt is one request and its result.
type attempt struct {
	content content
	outcome Outcome
	unsent  bool // no request was made
	divided bool // the request was too large: the items go again in smaller ones
	result  Result
	err     error // why the items are not delivered

	begun time.Time
	took  time.Duration
	late  bool // it ended because its time was over

	keepBody bool // a call that has not returned may still read the body
}

// attempt makes one request with items of p, acknowledges those that it decides about, and records what it tells about
// the backend.
func (s *stream) attempt(ctx context.Context, f *flush, p parcel) attempt {
	ctx, cancel := s.attemptContext(ctx, f)
	defer cancel()
	var a attempt
	if p.custom() {
		a = s.sendItems(ctx, p)
	} else {
		a = s.sendEncoded(ctx, f, p)
	}
	if ctx.Err() != nil && !a.outcome.permanent() {
		a.late = true
		if a.err == nil {
			a.err = context.Cause(ctx)
		}
	}
	if !a.divided {
		p.ack(a.content, a.outcome, a.result.Rejected)
	}
	s.record(f, p, a)
	return a
}

// attemptContext returns the context of one request, which has the probe timeout under the probe policy.
func (s *stream) attemptContext(ctx context.Context, f *flush) (context.Context, context.CancelFunc) {
	e := s.engine
	e.mu.Lock()
	probes := f.policy.probes
	budget := s.budgetLocked(f)
	timeout := max(e.breaker.ProbeTimeout(e.usual, budget), s.hold.ProbeTimeout(e.usual, budget))
	e.mu.Unlock()
	if !probes {
		return ctx, func() {}
	}
	return s.limit(ctx, f, timeout, fmt.Errorf("no answer within %s", timeout.Round(time.Millisecond)))
}

// record enters an attempt into the flush, the breaker and the hold.
func (s *stream) record(f *flush, p parcel, a attempt) {
	e := s.engine
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	f.noteLocked(a, s.config.Items)
	if a.unsent || p.custom() && !a.outcome.permanent() && a.took < instantFailure {
		return
	}
	if f.firstRequest.IsZero() || a.begun.Before(f.firstRequest) {
		f.firstRequest = a.begun
	}
	if a.outcome.permanent() {
		f.decided, f.lastProgress, s.lastResponse = true, now, now
		took := a.took
		if budget := s.budgetLocked(f); budget > 0 {
			took = min(took, budget) // the process may have been frozen meanwhile
		}
		e.answeredLocked(s, took)
		s.proceedLocked(f)
		return
	}
	if a.result.Answered {
		f.responded, s.lastResponse = true, now
	}
	f.cutShort = f.cutShort && a.late
	if d := min(a.result.RetryAfter, retryAfterLimit); d > 0 && now.Add(d).After(s.retryAfter.until) {
		s.retryAfter = retryAfter{asked: d, until: now.Add(d), cause: a.err}
	}
}

// noteLocked keeps the texts of an attempt.
func (f *flush) noteLocked(a attempt, items string) {
	if f.hint == nil {
		f.hintKey, f.hint = a.hint()
	}
	switch {
	case a.divided:
	case !a.outcome.permanent():
		if a.err != nil {
			f.err = a.err
		}
	case a.outcome == Accepted:
		if err := a.partialSuccess(items); err != nil {
			f.partialSuccess = err
			if a.result.Rejected > 0 {
				f.dropReason = err
			}
		}
	default:
		f.dropReason = a.err
	}
}

// hint returns the encoder's hint or the sender's.
func (a attempt) hint() (key string, err error) {
	switch {
	case a.content.hint != nil && a.outcome.permanent():
		return a.content.hintKey, a.content.hint
	case a.result.Hint != "":
		return a.result.HintKey, fmt.Errorf("%w; %s", a.err, a.result.Hint)
	}
	return "", nil
}

// partialSuccess returns the backend's message about an accepted request; nil if there is none.
func (a attempt) partialSuccess(items string) error {
	switch r := a.result; {
	case r.Rejected > 0:
		return fmt.Errorf("the backend rejected %d of %d %s: %q", min(r.Rejected, int64(a.content.items)), a.content.items, items, r.Message)
	case r.Message != "":
		return fmt.Errorf("the backend accepted %d %s with a message: %q", a.content.items, items, r.Message)
	}
	return nil
}
