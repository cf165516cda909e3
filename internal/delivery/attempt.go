package delivery

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// attempt is one request and its result.
type attempt struct {
	Result
	err error // why the items are not delivered

	items   int    // in the request
	end     uint64 // they have lower numbers
	size    int    // bytes of the request
	unsent  bool   // no request was made
	divided bool   // the request was too large: the items go again in smaller ones, one item reduced

	begun time.Time
	took  time.Duration
	late  bool // it ended because its time was over
	// notReturned says that a call has not returned, and may still read the body.
	notReturned bool

	encoderHintKey string
	encoderHint    error
}

func (a attempt) permanent() bool { return a.Outcome.permanent() }

// terms are what an attempt may do.
type terms struct {
	entries []entry   // empty: a spill or a collection has left none
	bytes   int       // of a request
	alone   int       // of a request of one item
	until   time.Time // end of its time, unless the policy is shutdown
	why     error     // it ends then
	// mayRepeat says that the items are not recognised and may go out once more in this flush, after this request.
	mayRepeat bool
}

// termsLocked returns the terms of an attempt at b, which has time until over.
func (s *stream) termsLocked(f *flush, b *batch, over time.Time) terms {
	t := terms{entries: b.entries, bytes: s.requestBytes, alone: s.itemBytes, until: over, why: errExportTimeout}
	if f.policy == probe {
		timeout := s.breaker.ProbeTimeout(s.engine.usual, s.budgetLocked(f))
		if until := time.Now().Add(timeout); until.Before(over) {
			t.until, t.why = until, fmt.Errorf("no answer within %s", timeout.Round(time.Millisecond))
		}
	}
	return t
}

// attempt makes one request.
func (s *stream) attempt(f *flush, t terms) attempt {
	if s.export != nil {
		return s.sendItems(f, t)
	}
	a := attempt{Result: Result{Outcome: Retryable}, unsent: true}
	r, err := s.engine.resources.newRequest(f.ctx)
	if err != nil {
		a.err = err
		return a
	}
	reusable := true
	defer func() { r.release(reusable) }()
	encoder, _ := s.encoders.Get().(anyEncoder)
	defer s.encoders.Put(encoder)
	n := 0
	err = r.encode(f.ctx, func(dst []byte) (body []byte) {
		body, n = encoder.append(dst, t.entries, t.bytes)
		if n == 0 {
			body, n = encoder.append(dst, t.entries[:1], t.alone)
		}
		return body
	})
	switch {
	case err != nil:
		a.err = err
		return a
	case n == 0:
		a.Outcome, a.items, a.end = TooLarge, 1, t.entries[0].number+1
		limit := t.alone
		if s.config.ItemBytes > 0 {
			limit = min(limit, s.config.ItemBytes)
		}
		a.err = fmt.Errorf("%s exceeds %d bytes", encoder.describe(t.entries[0]), limit)
		return a
	}
	hintKey, hint := encoder.hint()
	body := r.body()
	recognised := s.items.recognises(t.entries[:n])
	t.mayRepeat = !recognised && !slices.ContainsFunc(t.entries[:n], func(x entry) bool { return x.lostIn == f.number })
	a = s.send(f, t, recognised, func(ctx context.Context) (Result, error) {
		return s.engine.sender.Send(ctx, s.config.Signal, body)
	})
	reusable = !a.notReturned
	a.items, a.end, a.size, a.encoderHintKey, a.encoderHint = n, t.entries[n-1].number+1, len(body), hintKey, hint
	switch {
	case a.Outcome != TooLarge:
	case a.size >= min(splitBytes, s.config.RequestBytes/splitFraction):
		a.divided = true
	case n == 1:
		a.err = fmt.Errorf("%s: %w", encoder.describe(t.entries[0]), a.err)
	default:
		a.Outcome = Refused
	}
	return a
}

// send makes a call and waits for its answer, or until its time is over. Under the shutdown policy, a request without an
// answer is hedged if it may be: sent once more concurrently with the first, which may be on a connection that died, since
// there is no later flush. One that may not be hedged ends early, so that it can be repeated.
func (s *stream) send(f *flush, t terms, mayHedge bool, call func(context.Context) (Result, error)) (a attempt) {
	ctx, cancel := context.WithCancelCause(f.ctx)
	defer cancel(nil)
	begun, answers := time.Now(), make(chan attempt, 2)
	s.begin(ctx, call, begun, answers)
	calls := 1
	for calls > 0 && ctx.Err() == nil {
		timer, hedge, changed := s.nextEvent(f, t, begun, mayHedge)
		select {
		case answer := <-answers:
			calls--
			if a = merge(a, answer); a.permanent() {
				cancel(nil)
			}
		case <-changed:
		case <-ctx.Done():
		case <-timer:
			if !hedge {
				cancel(t.why)
				break
			}
			mayHedge = false
			if s.reserveRequest() {
				defer s.freeRequest()
				calls++
				s.begin(ctx, call, begun, answers)
			}
		}
	}
	for grace := time.After(senderGrace); calls > 0; calls-- {
		select {
		case answer := <-answers:
			a = merge(a, answer)
		case <-grace:
			calls = 1
			a = merge(a, newAttempt(Result{}, bounded.ErrNotReturned, begun))
		}
	}
	a.late = ctx.Err() != nil && !a.permanent()
	return a
}

// begin makes a call on a goroutine of its own. The result goes to answers.
func (s *stream) begin(
	ctx context.Context, call func(context.Context) (Result, error), begun time.Time, answers chan<- attempt,
) {
	e := s.engine
	e.calls.Add(1)
	e.running.Add(1)
	var r Result
	bounded.Start(ctx, func(ctx context.Context) (err error) {
		r, err = call(ctx)
		return err
	}, func(err error) {
		e.running.Add(-1)
		answers <- newAttempt(r, err, begun)
		e.calls.Done()
	})
}

// nextEvent returns a timer for the end of an attempt's time, or for its hedging under the shutdown policy (nil: neither),
// and a channel that is closed when this may have changed.
func (s *stream) nextEvent(f *flush, t terms, begun time.Time, mayHedge bool) (
	timer <-chan time.Time, hedge bool, changed <-chan struct{},
) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	switch {
	case f.policy != shutdown:
		return time.After(time.Until(t.until)), false, f.changed
	case mayHedge:
		at := begun.Add(hedgeAfter(s.deadlineLocked(f).Sub(begun)))
		return time.After(time.Until(at)), true, f.changed
	case t.mayRepeat && s.engine.usual > 0: // if it takes much longer than usual, its connection may have died
		at := begun.Add(max(hedgeAfter(s.deadlineLocked(f).Sub(begun)), lateAnswer*s.engine.usual))
		return time.After(time.Until(at)), false, f.changed
	}
	return nil, false, f.changed
}

// newAttempt makes an attempt of the result of a call.
func newAttempt(r Result, err error, begun time.Time) attempt {
	a := attempt{Result: r, err: err, begun: begun, took: time.Since(begun)}
	_, panicked := err.(*bounded.PanicError) //nolint:errorlint // an error of the exporter is wrapped
	switch {
	case panicked || err == bounded.ErrGoexit: //nolint:errorlint // the same
		a.Outcome = Refused // the items would cause it again
		a.err = fmt.Errorf("exporter %w", err)
	case err == bounded.ErrNotReturned: //nolint:errorlint // the same
		a.Outcome, a.AnswersLost, a.notReturned = Retryable, 1, true
		a.err = fmt.Errorf("exporter %w", err)
	case err != nil && a.Outcome == Accepted: // it is the zero value
		a.Outcome = Retryable
	case err == nil && a.Outcome != Accepted:
		a.err = errNoReason
	}
	return a
}

// merge returns the result of a request that was sent twice: one that decides before a retryable answer, and any answer
// before none.
func merge(first, second attempt) attempt {
	a := first
	if second.rank() > first.rank() {
		a = second
	}
	a.notReturned = first.notReturned || second.notReturned
	return a
}

func (a attempt) rank() int {
	switch {
	case a.begun.IsZero(): // there was none
		return 0
	case a.permanent():
		return 3
	case a.Answered:
		return 2
	}
	return 1
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

// hint returns the encoder's hint or the sender's.
func (a attempt) hint() (key string, err error) {
	switch {
	case a.encoderHint != nil && a.permanent():
		return a.encoderHintKey, a.encoderHint
	case a.Hint != "":
		return a.HintKey, fmt.Errorf("%w; %s", a.err, a.Hint)
	}
	return "", nil
}

// partialSuccess returns the backend's message about an accepted request; nil if there is none.
func (a attempt) partialSuccess(items string) error {
	switch {
	case a.Rejected > 0:
		return fmt.Errorf("the backend rejected %d of %d %s: %q", min(a.Rejected, int64(a.items)), a.items, items, a.Message)
	case a.Message != "":
		return fmt.Errorf("the backend accepted %d %s with a message: %q", a.items, items, a.Message)
	}
	return nil
}
