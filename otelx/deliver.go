package otelx

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// firstBackoff is the mean pause before the second attempt at a batch; it doubles with each further one up to
	// maxBackoff.
	firstBackoff = 20 * time.Millisecond
	maxBackoff   = time.Second
	// maxRetryAfter bounds the time for which a backend's Retry-After is honoured.
	maxRetryAfter = 5 * time.Minute
	// maxStrikes is in how many runs a batch fails before it is dropped, if in all but the first of them others were
	// delivered.
	maxStrikes = 3
)

// work delivers batches until none is left, time is up or the backend fails. A foreign exporter's error for a batch
// that has failed before is not taken for the backend's failure until the next batch has failed too, so that one that
// can never be delivered does not hold up all others; the third time it is dropped.
func (l *loop) work(r *run) {
	var aside *batch // failed before and now; why says how
	var why error
	blamed := false // another was delivered since
	for !r.over() {
		b := l.queue.take(r.target)
		if b == nil {
			break
		}
		kept, err := l.deliver(r, b)
		if kept && aside == nil && b.strikes > 0 {
			aside, why = b, err
			continue
		}
		if kept {
			b.strikes = max(b.strikes, 1)
		}
		l.queue.release(b)
		if err != nil {
			r.giveUp(err)
			break
		}
		if aside != nil && !blamed {
			blamed = true
			l.blame(r, aside, why)
		}
	}
	if aside != nil {
		if len(aside.live()) > 0 {
			r.giveUp(why)
		}
		l.queue.release(aside)
	}
}

// blame notes that b alone is at fault for why, and drops it the third time.
func (l *loop) blame(r *run, b *batch, why error) {
	if b.strikes++; b.strikes < maxStrikes {
		return
	}
	o := outcome{n: len(b.live()), verdict: refused, err: why}
	l.queue.settle(b, o)
	r.note(o)
}

// deliver attempts b until nothing is left of it, or says why it does not go on. kept says that it is for an error of
// the exporter that came in time.
func (l *loop) deliver(r *run, b *batch) (kept bool, err error) {
	ctx, cancel := r.attempt(l.timeout)
	defer cancel()
	backoff, pause := firstBackoff, time.Duration(0)
	for len(b.live()) > 0 {
		if err := l.pause(ctx, pause); err != nil {
			return false, err
		}
		o := safely(ctx, l.exporter, b.live())
		l.queue.settle(b, o)
		r.note(o)
		switch o.verdict {
		case retry:
			l.hush(o.retryAfter)
			pause = jittered(backoff)
			backoff = min(2*backoff, maxBackoff)
		case keep:
			return ctx.Err() == nil, o.err
		default:
			backoff, pause = firstBackoff, 0
		}
	}
	return false, nil
}

// jittered spreads d over half of it to one and a half times it.
func jittered(d time.Duration) time.Duration { return d/2 + rand.N(d) } //nolint:gosec // chance, not secrecy

// hush notes that the backend wants to be left alone for d.
func (l *loop) hush(d time.Duration) {
	if d <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := time.Now().Add(min(d, maxRetryAfter)); at.After(l.notBefore) {
		l.notBefore = at
	}
}

// pause waits for d and for as long as the backend wants to be left alone. It returns an error at once if ctx
// shows that the time for the delivery is up before that.
func (l *loop) pause(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	wait := max(d, time.Until(l.notBefore))
	l.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	if until, ok := ctx.Deadline(); ok && wait >= time.Until(until) {
		return fmt.Errorf("no time for another attempt in %s", wait.Round(time.Millisecond))
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
