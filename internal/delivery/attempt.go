package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// attempt is one request and its result.
type attempt struct {
	content content
	outcome Outcome
	unsent  bool // no request was made
	result  Result
	err     error // why the items are not delivered

	begun time.Time
	took  time.Duration
	late  bool // it ended because its time was over

	keepBody bool // a call that has not returned may still read the body
}

// attempt makes one request with items of p, settles those whose fate it decides, and records what it tells about the
// backend. A request that is too large for the backend is divided at once.
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
	p.settle(a.content, a.outcome, a.result.Rejected)
	s.record(f, p, a)
	return a
}

// attemptContext returns the context of one request. That of a probe ends after the probe timeout, unless the policy is
// shutdown by then.
func (s *stream) attemptContext(ctx context.Context, f *flush) (context.Context, context.CancelFunc) {
	e := s.engine
	e.mu.Lock()
	probes := f.policy == probe
	budget := f.budgetLocked(s.config.Timeout)
	timeout := max(e.breaker.ProbeTimeout(e.usual, budget), s.hold.ProbeTimeout(e.usual, budget))
	e.mu.Unlock()
	if !probes {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(timeout, func() {
		if !s.policyOf(f).lastChance {
			cancel(fmt.Errorf("no answer within %s", timeout.Round(time.Millisecond)))
		}
	})
	return ctx, func() { timer.Stop(); cancel(nil) }
}

// sendItems makes an attempt with a custom exporter.
func (s *stream) sendItems(ctx context.Context, p parcel) attempt {
	c, send := p.items()
	a := attempt{content: c, outcome: RetryNextFlush, begun: time.Now()}
	err := s.exclusive.Call(ctx, returnGrace, send)
	a.took = time.Since(a.begun)
	a.err = err
	var panicked *bounded.PanicError
	switch {
	case err == nil:
		a.outcome = Accepted
	case errors.As(err, &panicked), errors.Is(err, bounded.ErrGoexit): // the items would cause it again
		a.outcome = Refused
		a.err = fmt.Errorf("exporter %w", err)
	case errors.Is(err, bounded.ErrNotReturned):
		a.err = fmt.Errorf("exporter %w", err)
	}
	return a
}

// sendEncoded makes an attempt with the engine's sender.
func (s *stream) sendEncoded(ctx context.Context, f *flush, p parcel) attempt {
	r, err := s.engine.resources.newRequest(ctx)
	if err != nil {
		return attempt{outcome: Retryable, unsent: true, err: err}
	}
	reusable := true
	defer func() { r.release(reusable) }()
	for {
		var c content
		limit := s.requestLimit()
		err := r.encode(ctx, func(dst []byte) (body []byte) {
			body, c = p.encode(dst, limit, s.config.RequestBytes)
			return body
		})
		switch {
		case err != nil, c == (content{}): // a spill has taken all items
			return attempt{outcome: Retryable, unsent: true, err: err}
		case c.items == 0:
			c.items = 1
			return attempt{content: c, outcome: TooLarge, unsent: true,
				err: fmt.Errorf("%s exceeds %d bytes", p.describe(), s.largestItem())}
		}
		a := s.send(ctx, f, r.body())
		a.content = c
		reusable = reusable && !a.keepBody
		if a.outcome != TooLarge {
			return a
		}
		if c.items == 1 {
			a.err = fmt.Errorf("%s: %w", p.describe(), a.err)
			return a
		}
		if len(r.body()) < min(splitBytes, s.config.RequestBytes/splitShare) {
			a.outcome = Refused
			return a
		}
		s.lowerRequestLimit(len(r.body()) / 2)
	}
}

// largestItem returns how many bytes an item may have.
func (s *stream) largestItem() int {
	if s.config.ItemBytes > 0 {
		return min(s.config.ItemBytes, s.config.RequestBytes)
	}
	return s.config.RequestBytes
}

func (s *stream) requestLimit() int {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return s.requestBytes
}

func (s *stream) lowerRequestLimit(limit int) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.requestBytes = min(s.requestBytes, limit)
}

// send sends body. While a shutdown waits, a request without an answer is sent once more concurrently with the first
// (hedged): the first may be on a connection that died, and there is no later flush. The first answer that settles the
// items wins.
func (s *stream) send(ctx context.Context, f *flush, body []byte) attempt {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begun := time.Now()
	answers := make(chan attempt, 2)
	go s.sendOnce(ctx, body, begun, answers)
	if !s.hedges(ctx, f, begun, answers) {
		return <-answers
	}
	go s.sendOnce(ctx, body, begun, answers)
	first := <-answers
	if !first.outcome.permanent() {
		return <-answers
	}
	cancel()
	if other := <-answers; errors.Is(other.err, bounded.ErrNotReturned) {
		first.keepBody = true
	}
	return first
}

// hedges waits until the request has an answer or is to be hedged. An answer that comes stays in answers.
func (s *stream) hedges(ctx context.Context, f *flush, begun time.Time, answers chan attempt) bool {
	if !s.config.Hedge || s.engine.limits.Requests == 1 {
		return false
	}
	select {
	case a := <-answers:
		answers <- a
		return false
	case <-f.lastChanced:
	}
	until, bounded := ctx.Deadline()
	if !bounded {
		return false
	}
	timer := time.NewTimer(time.Until(begun.Add(s.policyOf(f).hedgeAfter(until.Sub(begun)))))
	defer timer.Stop()
	select {
	case a := <-answers:
		answers <- a
		return false
	case <-timer.C:
		return true
	}
}

// sendOnce makes one call of the sender.
func (s *stream) sendOnce(ctx context.Context, body []byte, begun time.Time, answers chan<- attempt) {
	res, err := bounded.Call(ctx, returnGrace, func(ctx context.Context) (Result, error) {
		return s.engine.sender.Send(ctx, s.config.Signal, body)
	})
	a := attempt{outcome: res.Outcome, result: res, err: err, begun: begun, took: time.Since(begun)}
	var panicked *bounded.PanicError
	switch {
	case errors.As(err, &panicked), errors.Is(err, bounded.ErrGoexit): // the items would cause it again
		a.outcome = Refused
		a.err = fmt.Errorf("exporter %w", err)
	case errors.Is(err, bounded.ErrNotReturned):
		a.outcome, a.keepBody = Retryable, true
	}
	answers <- a
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
		f.settled, f.lastProgress, s.lastResponse = true, now, now
		took := a.took
		if budget := f.budgetLocked(s.config.Timeout); budget > 0 {
			took = min(took, budget) // the process may have been frozen meanwhile
		}
		e.answeredLocked(took)
		s.hold.Success()
		s.proceedLocked(f)
		return
	}
	if a.result.Answered {
		f.responded, s.lastResponse = true, now
	}
	f.cutShort = f.cutShort && a.late
	if d := min(a.result.RetryAfter, maxRetryAfter); d > 0 && now.Add(d).After(s.notBefore) {
		s.notBefore = now.Add(d)
	}
}

// noteLocked keeps the texts of an attempt.
func (f *flush) noteLocked(a attempt, items string) {
	if f.hint == nil {
		f.hintKey, f.hint = a.hint()
	}
	switch {
	case !a.outcome.permanent():
		if a.err != nil {
			f.err = a.err
		}
	case a.outcome == Accepted:
		if remark := a.remark(items); remark != nil {
			f.partialSuccess = remark
			if a.result.Rejected > 0 {
				f.dropReason = remark
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

// remark returns the backend's words about an accepted request.
func (a attempt) remark(items string) error {
	switch r := a.result; {
	case r.Rejected > 0:
		return fmt.Errorf("the backend rejected %d of %d %s: %q", min(r.Rejected, int64(a.content.items)), a.content.items, items, r.Message)
	case r.Message != "":
		return fmt.Errorf("the backend accepted %d %s with a message: %q", a.content.items, items, r.Message)
	}
	return nil
}
