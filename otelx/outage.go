package otelx

import "time"

// quiet returns how long nothing is to be sent, as the backend wants it or because it is down. l.mu is held.
func (l *loop) quiet() time.Duration {
	now := time.Now()
	return max(left(l.notBefore, now), l.breaker.wait(now))
}

// left returns how much of the time until then is left. Time in which the process was frozen counts: it shows in both of
// Go's clocks or, depending on the hypervisor, in one of them.
func left(then, now time.Time) time.Duration {
	return max(0, min(then.Sub(now), then.Round(0).Sub(now.Round(0))))
}

// down returns an error while the backend is down and no probe is due. l.mu is held.
func (l *loop) down() error {
	if !l.breaker.open() || l.lastMoments() {
		return nil
	}
	if wait := l.quiet(); wait > 0 {
		return l.breaker.downError(wait)
	}
	return nil
}

// breakerState returns what the next flush makes of the backend, or the one under way.
func (l *loop) breakerState() BreakerState {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !l.breaker.open():
		return BreakerClosed
	case l.run == nil && l.quiet() > 0:
		return BreakerOpen
	}
	return BreakerHalfOpen
}

// stats returns the account of all spans, and what is made of the backend.
func (l *loop) stats() Stats {
	s := l.queue.account()
	s.Breaker = l.breakerState()
	return s
}

// look returns how long a request of r may take; 0: as long as r goes on.
func (l *loop) look(r *run) time.Duration {
	if r.isFinal() {
		return 0
	}
	budget := r.budget(l.timeout)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.breaker.look(budget)
}

// answered tells the breaker that the backend has dealt with a request of r in took: all the time that r has at most,
// for the process may have been frozen meanwhile.
func (l *loop) answered(r *run, took time.Duration) {
	if budget := r.budget(l.timeout); budget > 0 {
		took = min(took, budget)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.breaker.answered(took)
}

// judge tells the breaker what a run without an answer has found. l.mu is held.
func (l *loop) judge(r *run) {
	budget := r.budget(l.timeout)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.left // the process may have been frozen since
	if now.IsZero() {
		now = time.Now()
	}
	switch {
	case r.answered || r.tried.IsZero():
	case r.rebuffed:
		l.breaker.refused(now, budget, r.err)
	default:
		l.breaker.unanswered(now, now.Sub(r.tried), budget, r.err)
	}
}
