package metrics

import (
	"fmt"
	"sync"
	"time"
)

// state is the state of a reader's collections:
//
//	          begin                end
//	idle ───────────▶ collecting ───────▶ idle
//	                      │                 ▲
//	                leave │            end  │
//	                      └──▶ overdue ─────┘
//
// Only begin, leave and end change it.
type state int

const (
	// idle: no collection runs.
	idle state = iota
	// collecting: a collection runs and its caller waits. Other forced calls wait until it ends, and then collect.
	collecting
	// overdue: a collection runs and its caller has left. Only Shutdown waits for it; no other collection begins.
	overdue
)

// caller is the method of a [Reader] that may collect.
type caller int

const (
	byFlush      caller = iota // collects if the interval has passed; also the timer
	byForceFlush               // collects in any case
	byShutdown                 // collects for the last time
)

// decision is what a caller does with a collection.
type decision int

const (
	skip   decision = iota // nothing
	start                  // run it
	wait                   // wait until it ends, and ask again
	refuse                 // return its error: it is overdue
)

// schedule decides when a collection begins. It is safe for concurrent use.
type schedule struct {
	interval  time.Duration
	eachFlush bool

	mu      sync.Mutex // guards the rest
	state   state
	running *collection // nil if idle
	closed  bool        // only Shutdown begins a collection

	last         time.Time // beginning of the last successful collection by the wall clock; zero: none
	lastForced   time.Time // beginning of the last successful collection of ForceFlush
	exitSet      time.Time // when the exit deadline was set
	exitDeadline time.Time // zero: none
}

// collection is one collection. Its caller and other calls wait for ended.
type collection struct {
	began    time.Time
	by       caller
	ended    chan struct{} // closed by end
	err      error         // valid when ended is closed; nil if data were collected
	reported bool          // as one that hangs; guarded by schedule.mu
}

// begin tells a caller what to do, and with which collection. skip comes with a collection if one runs.
func (s *schedule) begin(by caller) (decision, *collection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	switch {
	case by != byShutdown && s.closed, by == byFlush && s.state != idle:
		return skip, s.running
	case by == byForceFlush && s.state == overdue:
		return refuse, s.running
	case s.state != idle:
		return wait, s.running
	case by == byFlush && !s.dueLocked(now), by == byShutdown && s.collectedForExitLocked(now):
		return skip, nil
	}
	s.state, s.running = collecting, &collection{began: now, by: by, ended: make(chan struct{})}
	return start, s.running
}

// leave tells the schedule that the caller that has started c does not wait for it any more.
func (s *schedule) leave(c *collection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == c {
		s.state = overdue
	}
}

// end ends c. It reports whether the caller of c has left.
func (s *schedule) end(c *collection, err error) (left bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left = s.state == overdue
	s.state, s.running = idle, nil
	if err == nil {
		s.last = c.began.Round(0) // only the wall clock counts a freeze for certain
		if c.by == byForceFlush {
			s.lastForced = c.began
		}
	}
	c.err = err
	close(c.ended)
	return left
}

// close lets no other caller than Shutdown begin a collection. It reports false if it has been called before.
func (s *schedule) close() (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first = !s.closed
	s.closed = true
	return first
}

// setExitDeadline sets the exit deadline; the zero time is none.
func (s *schedule) setExitDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exitDeadline, s.exitSet = t, time.Now()
}

// due reports whether a Flush would collect.
func (s *schedule) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && s.state == idle && s.dueLocked(time.Now())
}

// dueLocked reports whether the interval has passed. If the clock has been set back, it has.
func (s *schedule) dueLocked(now time.Time) bool {
	passed := now.Round(0).Sub(s.last)
	return s.eachFlush || s.last.IsZero() || passed >= s.interval || passed < 0
}

// collectedForExitLocked reports whether a ForceFlush has collected since the exit deadline was set.
func (s *schedule) collectedForExitLocked(now time.Time) bool {
	return now.Before(s.exitDeadline) && !s.lastForced.Before(s.exitSet)
}

// untilDue returns the time until the interval has passed. It returns the interval if that has passed already: then a
// collection has failed or runs.
func (s *schedule) untilDue() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := s.interval - time.Now().Round(0).Sub(s.last); 0 < left && left <= s.interval {
		return left
	}
	return s.interval
}

// hangTime is how long a collection runs at least before it is reported as one that hangs.
const hangTime = time.Second

// hanging returns an error about c if it has run for hangTime, once.
func (s *schedule) hanging(c *collection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != c || c.reported || time.Since(c.began) < hangTime {
		return nil
	}
	c.reported = true
	return fmt.Errorf("collect metrics: a callback of an instrument, or a producer, has not returned within %v; "+
		"no metrics are collected until it does (it must not wait)", time.Since(c.began).Round(time.Millisecond))
}

// lateError is the error of a call that does not wait until c ends.
func (c *collection) lateError() error {
	return fmt.Errorf("collect metrics: not complete after %v (callbacks must not wait)", time.Since(c.began).Round(time.Millisecond))
}
