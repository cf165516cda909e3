package otelx

import "time"

// setExitDeadline makes every export until then final, the one under way included, which goes on until then even if its
// callers leave. Until then each batch leaves as soon as it is full: many spans may end now, and a small function's CPU
// needs most of the time to encode them. A zero deadline clears it.
func (l *loop) setExitDeadline(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends = until
	if until.IsZero() {
		l.queue.setEager(false)
		return
	}
	l.notBefore = time.Time{}
	l.queue.setEager(true)
	time.AfterFunc(time.Until(until), l.calm)
	if l.run != nil {
		if l.run.join(until, false) {
			time.AfterFunc(time.Until(until), l.run.leave)
		}
		l.run.makeFinal(until)
	}
	if l.queue.hasEnough() {
		l.heed(becameHalf)
	}
}

// calm takes back what setExitDeadline did to the queue, if the process lives on.
func (l *loop) calm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.lastMoments() {
		l.queue.setEager(false)
	}
}

// lastMoments reports whether there is no later: Shutdown was called, or the exit deadline is set and not over. l.mu is
// held.
func (l *loop) lastMoments() bool { return l.final || time.Now().Before(l.ends) }

// withinEnds returns deadline (zero: none) or the exit deadline, whichever is earlier. l.mu is held.
func (l *loop) withinEnds(deadline time.Time) time.Time {
	if l.ends.After(time.Now()) && (deadline.IsZero() || deadline.After(l.ends)) {
		return l.ends
	}
	return deadline
}
