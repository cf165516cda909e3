package otelx

import "time"

// hasten makes what is exported from now on final, the run under way included, which goes on until then whoever else
// leaves it. Until then each batch leaves as soon as it is full: many spans may end now, and to end and to encode them
// takes a small function's CPU most of the time there is.
func (l *loop) hasten(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notBefore, l.ends = time.Time{}, until
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

// calm takes back what hasten has done to the queue, where the process lives on.
func (l *loop) calm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.lastMoments() {
		l.queue.setEager(false)
	}
}

// lastMoments reports whether there is no later, so that everything is tried: Shutdown was called, or Hasten, and its time
// is not up. l.mu is held.
func (l *loop) lastMoments() bool { return l.final || time.Now().Before(l.ends) }

// withinEnds returns deadline (zero: none), or when the process's time is up where that comes first. l.mu is held.
func (l *loop) withinEnds(deadline time.Time) time.Time {
	if l.ends.After(time.Now()) && (deadline.IsZero() || deadline.After(l.ends)) {
		return l.ends
	}
	return deadline
}
