package otelx

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// firstBackoff is the mean pause before the second attempt at a batch; it doubles with each further one up to
	// maxBackoff.
	firstBackoff = 20 * time.Millisecond
	maxBackoff   = time.Second
	// maxFinalBackoff is what it doubles up to while a shutdown waits.
	maxFinalBackoff = 100 * time.Millisecond
	// lastMoment is how much time has to be left for another attempt while a shutdown waits.
	lastMoment = 5 * time.Millisecond
	// minPersistence is for how long attempts at a backend that answers none of them are repeated at least.
	minPersistence = 500 * time.Millisecond
	// trifle is what an attempt takes less than that costs nobody anything. A foreign exporter that fails so soon is tried
	// again at each flush; who answers OTLP requests is left alone all the same.
	trifle = 5 * time.Millisecond
	// maxRetryAfter bounds the time for which a backend's Retry-After is honoured.
	maxRetryAfter = 5 * time.Minute
	// maxStrikes is in how many runs a batch fails before it is dropped, if in all but the first of them others were
	// delivered.
	maxStrikes = 3
)

var (
	errOneProbe = errors.New("no other attempt while the backend is down")
	errEnough   = errors.New("no other attempt in this flush")
)

// work delivers batches until none is left, time is up or the backend fails. A foreign exporter's error for a batch
// that has failed before is not taken for the backend's failure until the next batch has failed too, so that one that
// can never be delivered does not hold up all others; the third time it is dropped.
func (l *loop) work(r *run) {
	var aside *batch // failed before and now; why says how
	var why error
	blamed := false // another was delivered since
	for !r.over() {
		b := l.queue.take(r.task())
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
		if err := l.pause(ctx, r, pause); err != nil {
			return false, err
		}
		o, late := l.attempt(ctx, r, b)
		switch {
		case o.verdict == keep && late != nil:
			return false, late
		case o.verdict == keep:
			return true, o.err
		case o.verdict != retry:
			backoff, pause = firstBackoff, 0
		case o.unsent && ctx.Err() == nil: // it has waited for its turn, not for the backend
			pause = 0
		case late != nil && !r.isFinal():
			return false, late
		case r.probing():
			return false, errOneProbe
		case o.later && !r.isFinal():
			return false, errEnough
		default:
			pause = jittered(backoff)
			backoff = min(2*backoff, maxBackoff)
		}
	}
	return false, nil
}

// attempt makes one request with what it holds of b, and keeps what it tells about b and the backend. late says why it
// ended if its time was up.
func (l *loop) attempt(ctx context.Context, r *run, b *batch) (o outcome, late error) {
	ctx, cancel := r.watch(ctx, l.look(r))
	defer cancel()
	begun := time.Now()
	o = l.send(ctx, r, b.live())
	took := time.Since(begun)
	l.queue.settle(b, o)
	r.note(o)
	if ctx.Err() != nil {
		late = context.Cause(ctx)
	}
	if o.unsent || o.verdict == keep && took < trifle {
		return o, late
	}
	if o.final() {
		l.answered(r, took)
	}
	until, bounded := ctx.Deadline()
	r.requested(o, begun, late != nil || bounded && !time.Now().Before(until))
	l.hush(o.retryAfter)
	return o, late
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

// pause waits for backoff and for as long as the backend wants to be left alone. It returns an error at once if there
// is no time for another attempt after that or if there were enough.
func (l *loop) pause(ctx context.Context, r *run, backoff time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	asked := left(l.notBefore, time.Now())
	l.mu.Unlock()
	if backoff <= 0 && asked <= 0 {
		return nil
	}
	wait, err := l.patient(ctx, r, backoff, asked)
	if err != nil {
		return err
	}
	err = r.sleep(ctx, wait)
	if err == nil && asked > 0 {
		r.obeyed()
	}
	return err
}

// patient returns how long to wait for the next attempt: for backoff and for what the backend has asked for. There is no
// later for a final run, so that attempts there go on to the end, closer together as it comes, and what would be too
// long is not heeded.
func (l *loop) patient(ctx context.Context, r *run, backoff, asked time.Duration) (time.Duration, error) {
	until, bounded := ctx.Deadline()
	has := time.Until(until)
	wait := max(backoff, asked)
	switch {
	case bounded && r.isFinal() && has > lastMoment:
		if asked >= has {
			asked = 0
		}
		return max(min(backoff, has/4, maxFinalBackoff), asked, lastMoment), nil
	case bounded && wait >= has:
		return 0, fmt.Errorf("no time for another attempt in %s", wait.Round(time.Millisecond))
	case asked < backoff && !r.isFinal() && !r.persists(backoff, r.budget(l.timeout)):
		return 0, errEnough
	}
	return wait, nil
}
