package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// sendEncoded makes an attempt with the engine's sender.
func (s *stream) sendEncoded(ctx context.Context, f *flush, p parcel) attempt {
	r, err := s.engine.resources.newRequest(ctx)
	if err != nil {
		return attempt{outcome: Retryable, unsent: true, err: err}
	}
	var c content
	limit := s.requestLimit()
	err = r.encode(ctx, func(dst []byte) (body []byte) {
		body, c = p.encode(dst, limit, s.config.RequestBytes)
		return body
	})
	if err != nil || c.items == 0 {
		r.release(true)
		a := attempt{content: c, outcome: Retryable, unsent: true, err: err}
		if c.end > 0 {
			a.content.items, a.outcome = 1, TooLarge
			a.err = fmt.Errorf("%s exceeds %d bytes", p.describe(), s.largestItem())
		}
		return a // otherwise a spill has taken all items, or ctx has ended
	}
	a := s.send(ctx, f, r.body())
	a.content = c
	s.tooLarge(&a, p, len(r.body()))
	r.release(!a.keepBody)
	return a
}

// tooLarge makes later requests smaller if a request of size bytes was too large. If they cannot be, it decides about
// the items.
func (s *stream) tooLarge(a *attempt, p parcel, size int) {
	switch {
	case a.outcome != TooLarge:
	case a.content.items == 1:
		a.err = fmt.Errorf("%s: %w", p.describe(), a.err)
	case size < min(splitBytes, s.config.RequestBytes/splitShare):
		a.outcome = Refused
	default:
		a.divided = true
		s.engine.mu.Lock()
		defer s.engine.mu.Unlock()
		s.requestBytes = min(s.requestBytes, size/2)
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

// send sends body. Under the shutdown policy, a request without an answer is hedged: sent once more concurrently with the
// first, which may be on a connection that died, since there is no later flush.
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
	first := <-answers
	if first.outcome.permanent() {
		cancel()
	}
	return merge(first, <-answers)
}

// merge returns the result of a request that was sent twice: that of the first attempt that decides about the items,
// unless the other was accepted.
func merge(first, second attempt) attempt {
	a := first
	switch {
	case second.outcome == Accepted && first.outcome != Accepted,
		!first.outcome.permanent() && (second.outcome.permanent() || second.result.Answered || !first.result.Answered):
		a = second
	}
	a.keepBody = first.keepBody || second.keepBody
	a.result.Answered = first.result.Answered || second.result.Answered
	a.result.RetryAfter = max(first.result.RetryAfter, second.result.RetryAfter)
	return a
}

// awaitAnswer waits for the answer to a request, or until it should be hedged; false: that is now.
func (s *stream) awaitAnswer(ctx context.Context, f *flush, begun time.Time, answers <-chan attempt) (attempt, bool) {
	for {
		hedge, changed := s.hedgeIn(ctx, f, begun)
		select {
		case a := <-answers:
			return a, true
		case <-changed:
		case <-hedge:
			return attempt{}, false
		}
	}
}

// hedgeIn returns a channel that tells when a request that began at begun should be hedged (nil: not under this policy),
// and one that is closed when this may have changed.
func (s *stream) hedgeIn(ctx context.Context, f *flush, begun time.Time) (<-chan time.Time, <-chan struct{}) {
	until, limited := ctx.Deadline()
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if !f.policy.lastChance || !limited {
		return nil, f.changed
	}
	return time.After(time.Until(begun.Add(hedgeAfter(until.Sub(begun))))), f.changed
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
	s.engine.addWorkersLocked()
}

var errNoReason = errors.New("the exporter gave no reason")

// sendOnce makes one call of the sender.
func (s *stream) sendOnce(ctx context.Context, body []byte, begun time.Time) attempt {
	s.engine.sends.Add(1)
	res, err := bounded.Call(ctx, senderGrace, func(ctx context.Context) (Result, error) {
		defer s.engine.sends.Done()
		return s.engine.sender.Send(ctx, s.config.Signal, body)
	})
	a := attempt{outcome: res.Outcome, result: res, err: err, begun: begun, took: time.Since(begun)}
	switch {
	case crashed(err): // the items would cause it again
		a.outcome = Refused
		a.err = fmt.Errorf("exporter %w", err)
	case err == bounded.ErrNotReturned: //nolint:errorlint // an error of the sender is wrapped
		a.outcome, a.keepBody = Retryable, true
	case err != nil && a.outcome == Accepted: // it is the zero value
		a.outcome = Retryable
	case err == nil && a.outcome != Accepted:
		a.err = errNoReason
	}
	return a
}
