package strategy

import (
	"sync"
	"time"
)

// Instant is a moment by both clocks, which a [Schedule] reads.
type Instant struct {
	wall time.Time     // without a monotonic reading; zero: never
	mono time.Duration // since the schedule was made
}

// until returns the time from i to a later moment, by the clock that shows more. It is not documented whether the
// monotonic clock advances in a frozen environment, and the wall clock may be set back. A clock that is wrong then causes
// a flush, never a deferral.
func (i Instant) until(later Instant) time.Duration {
	return max(later.wall.Sub(i.wall), later.mono-i.mono)
}

func (i Instant) isNever() bool { return i.wall.IsZero() }

// state decides at the end of each invocation whether the flush may be deferred, from the times of ends and
// flushes alone: a timer would freeze with the environment. It reads no clock and is not safe for concurrent use.
//
// After a failed flush it defers nothing until a flush succeeds.
type state struct {
	strategy Strategy

	lastEnd    Instant // of an invocation
	denseSince Instant // the first of the ends that have since followed each other within half a period
	oldest     Instant // since when items may wait: nothing was pending then, or all of it was being delivered
	lastFlush  Instant // the beginning of the last flush that succeeded
	lastFailed bool    // the last flush failed
}

// due reports whether pending items are to be flushed at the end of an invocation, now.
func (s *state) due(now Instant) bool {
	period := s.strategy.Period
	half := period / 2 // items that have waited for less can wait for another gap of that length
	if s.lastEnd.isNever() || s.lastEnd.until(now) > half {
		s.denseSince = now
	}
	s.lastEnd = now
	switch {
	case s.lastFailed:
		return true
	case s.strategy.Kind == Periodic:
		return s.lastFlush.isNever() || s.lastFlush.until(now) >= period
	case s.strategy.Kind == Adaptive:
		return s.denseSince.until(now) < period || s.oldest.isNever() || s.oldest.until(now) >= half
	default:
		return true
	}
}

// flushed records the end of a flush that began at began. A success has delivered everything that ended before.
func (s *state) flushed(began Instant, err error) {
	s.lastFailed = err != nil
	if err == nil {
		s.lastFlush, s.oldest = began, began
	}
}

// emptied records that nothing is pending now.
func (s *state) emptied(now Instant) { s.oldest, s.lastFailed = now, false }

// Schedule decides at the end of each invocation whether the flush is due. It is safe for concurrent use.
type Schedule struct {
	epoch time.Time

	mu    sync.Mutex
	state state
}

// NewSchedule returns the schedule of a strategy.
func NewSchedule(s Strategy) *Schedule {
	return &Schedule{epoch: time.Now(), state: state{strategy: s}}
}

// Now reads the clocks, for Flushed and Emptied.
func (s *Schedule) Now() Instant {
	now := time.Now()
	return Instant{wall: now.Round(0), mono: now.Sub(s.epoch)}
}

// Due reports whether pending items are to be flushed at this end of an invocation. Call it once for each.
func (s *Schedule) Due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.due(s.Now())
}

// Flushed records the end of a flush that began at began.
func (s *Schedule) Flushed(began Instant, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.flushed(began, err)
}

// Failed records a flush that may not even have begun.
func (s *Schedule) Failed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.lastFailed = true
}

// Emptied records that nothing was pending at that moment.
func (s *Schedule) Emptied(then Instant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.emptied(then)
}
