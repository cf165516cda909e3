package delivery

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// sendItems makes an attempt with a custom exporter.
func (s *stream) sendItems(ctx context.Context, p parcel) attempt {
	c, send := p.items()
	a := attempt{content: c, outcome: RetryNextFlush, begun: time.Now()}
	err := s.calls.Call(ctx, returnGrace, send)
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

// send sends body. Under the shutdown policy, a request without an answer is hedged: sent once more concurrently with the
// first, which may be on a connection that died, since there is no later flush. The first answer that settles the items
// wins.
func (s *stream) send(ctx context.Context, f *flush, body []byte) attempt {
	if !s.config.Hedge {
		return s.sendOnce(ctx, body, time.Now())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begun := time.Now()
	answers := make(chan attempt, 2)
	request := func() { answers <- s.sendOnce(ctx, body, begun) }
	go request()
	if a, ok := s.awaitAnswer(ctx, f, begun, answers); ok {
		return a
	}
	if !s.reserveRequest() {
		return <-answers
	}
	defer s.freeRequest()
	go request()
	a := <-answers
	if !a.outcome.permanent() {
		return <-answers
	}
	cancel()
	if other := <-answers; other.keepBody {
		a.keepBody = true
	}
	return a
}

// awaitAnswer waits for the answer to a request, or until it should be hedged; false: that is now.
func (s *stream) awaitAnswer(ctx context.Context, f *flush, begun time.Time, answers <-chan attempt) (attempt, bool) {
	for {
		var hedge <-chan time.Time // nil: not under this policy
		wait, changed := s.hedgeIn(ctx, f, begun)
		if wait != never {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			hedge = timer.C
		}
		select {
		case a := <-answers:
			return a, true
		case <-changed:
		case <-hedge:
			return attempt{}, false
		}
	}
}

const never = time.Duration(math.MaxInt64)

// hedgeIn returns after which time a request that began at begun is hedged, and a channel that is closed when this may
// have changed.
func (s *stream) hedgeIn(ctx context.Context, f *flush, begun time.Time) (time.Duration, <-chan struct{}) {
	until, bounded := ctx.Deadline()
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if !f.policy.hedge || !bounded {
		return never, f.changed
	}
	return time.Until(begun.Add(f.policy.hedgeAfter(until.Sub(begun)))), f.changed
}

// reserveRequest reports whether there is room for one more request, and takes it.
func (s *stream) reserveRequest() bool {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if !s.engine.mayRequestLocked(s) {
		return false
	}
	s.engine.requests++
	return true
}

func (s *stream) freeRequest() {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.engine.requests--
	s.engine.hireLocked()
}

// sendOnce makes one call of the sender.
func (s *stream) sendOnce(ctx context.Context, body []byte, begun time.Time) attempt {
	s.engine.sends.Add(1)
	res, err := bounded.Call(ctx, returnGrace, func(ctx context.Context) (Result, error) {
		defer s.engine.sends.Done()
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
	case err != nil && a.outcome == Accepted: // it is the zero value
		a.outcome = Retryable
	}
	return a
}
