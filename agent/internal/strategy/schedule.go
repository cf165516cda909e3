package strategy

import (
	"sync"
	"time"
)

// Schedule decides at the end of each invocation whether the flush may be deferred, from the times of ends and flushes
// alone: a timer would freeze with the environment. It reads no clock and is safe for concurrent use.
//
// After a failed flush it defers nothing until a flush succeeds.
type Schedule struct {
	strategy Strategy

	mu         sync.Mutex
	lastEnd    time.Time // of an invocation; zero: never, as for the other times
	denseSince time.Time // the first of the ends that have since followed each other within half a period
	oldest     time.Time // since when items may wait: nothing was pending then, or all of it was being delivered
	lastFlush  time.Time // the beginning of the last flush that succeeded
	lastFailed bool      // the last flush failed
}

// NewSchedule returns the schedule of a strategy.
func NewSchedule(s Strategy) *Schedule { return &Schedule{strategy: s} }

// since returns the time from a moment to a later one, by the clock that shows more. It is not documented whether the
// monotonic clock advances in a frozen environment, and the wall clock may be set back. A clock that is wrong then causes
// a flush, never a deferral.
func since(then, now time.Time) time.Duration {
	return max(now.Sub(then), now.Round(0).Sub(then.Round(0)))
}

// Due reports whether pending items are to be flushed at the end of an invocation, now. Call it once for each.
func (s *Schedule) Due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	period := s.strategy.Period
	half := period / 2 // items that have waited for less can wait for another gap of that length
	if since(s.lastEnd, now) > half {
		s.denseSince = now
	}
	s.lastEnd = now
	switch {
	case s.lastFailed:
		return true
	case s.strategy.Kind == Periodic:
		return since(s.lastFlush, now) >= period
	case s.strategy.Kind == Adaptive:
		return since(s.denseSince, now) < period || since(s.oldest, now) >= half
	default:
		return true
	}
}

// Flushed records the end of a flush that began at began. A success has delivered everything that ended before.
func (s *Schedule) Flushed(began time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastFailed = err != nil
	if err == nil {
		s.lastFlush, s.oldest = began, began
	}
}

// Emptied records that nothing was pending at that moment.
func (s *Schedule) Emptied(then time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldest, s.lastFailed = then, false
}
