package agent

import (
	"sync"
	"time"
)

// instant is a moment by both clocks.
type instant struct {
	wall time.Time     // without a monotonic reading; zero: never
	mono time.Duration // since the agent's start
}

// until returns the time from i to a later moment, by the clock that shows more. It is not documented whether the
// monotonic clock advances in a frozen environment, and the wall clock may be set back. A clock that is wrong then causes
// a flush, never a deferral.
func (i instant) until(later instant) time.Duration {
	return max(later.wall.Sub(i.wall), later.mono-i.mono)
}

func (i instant) isNever() bool { return i.wall.IsZero() }

// strategyState decides at the end of each invocation whether the flush may be deferred, from the times of ends and
// flushes alone: a timer would freeze with the environment. It reads no clock and is not safe for concurrent use.
//
// After a failed flush it defers nothing until a flush succeeds.
type strategyState struct {
	strategy FlushStrategy

	lastEnd    instant // of an invocation
	denseSince instant // the first of the ends that have since followed each other within half a period
	oldest     instant // since when items may wait: nothing was pending then, or all of it was being delivered
	lastFlush  instant // the beginning of the last flush that succeeded
	lastFailed bool    // the last flush failed
}

// due reports whether pending items are to be flushed at the end of an invocation, now.
func (s *strategyState) due(now instant) bool {
	period := s.strategy.period
	half := period / 2 // items that have waited for less can wait for another gap of that length
	if s.lastEnd.isNever() || s.lastEnd.until(now) > half {
		s.denseSince = now
	}
	s.lastEnd = now
	switch {
	case s.lastFailed:
		return true
	case s.strategy.kind == periodic:
		return s.lastFlush.isNever() || s.lastFlush.until(now) >= period
	case s.strategy.kind == adaptive:
		return s.denseSince.until(now) < period || s.oldest.isNever() || s.oldest.until(now) >= half
	default:
		return true
	}
}

// flushed records the end of a flush that began at began. A success has delivered everything that ended before.
func (s *strategyState) flushed(began instant, err error) {
	s.lastFailed = err != nil
	if err == nil {
		s.lastFlush, s.oldest = began, began
	}
}

// emptied records that nothing is pending now.
func (s *strategyState) emptied(now instant) { s.oldest, s.lastFailed = now, false }

// strategyClock is a strategyState with the clock, safe for concurrent use.
type strategyClock struct {
	epoch time.Time // the agent's start

	mu    sync.Mutex
	state strategyState
}

func (c *strategyClock) now() instant {
	now := time.Now()
	return instant{wall: now.Round(0), mono: now.Sub(c.epoch)}
}

func (c *strategyClock) due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.due(c.now())
}

func (c *strategyClock) flushed(began instant, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.flushed(began, err)
}

// failed records a flush that may not even have begun.
func (c *strategyClock) failed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.lastFailed = true
}

// emptied records that nothing was pending at that moment.
func (c *strategyClock) emptied(then instant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.emptied(then)
}
