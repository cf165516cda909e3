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

// until is the time from i to a later moment, by the clock that says more. Whether the monotonic clock goes on in a frozen
// environment is not documented, and the wall clock may be set back at any time. Whichever is wrong, a flush is rather
// made than put off.
func (i instant) until(later instant) time.Duration {
	return max(later.wall.Sub(i.wall), later.mono-i.mono)
}

func (i instant) isNever() bool { return i.wall.IsZero() }

// pace is the flush strategy at work. It decides at the end of each invocation whether what waits is flushed now or
// left for a later end, by nothing but the times of ends and flushes: a timer would be frozen with the environment. It
// does not look at a clock itself and is not safe for concurrent use.
//
// It never has anything put off after a flush that failed, until one goes well again.
type pace struct {
	strategy FlushStrategy

	last    instant // the last end
	dense   instant // the first of the ends since which none has come late
	oldest  instant // since when something may wait: nothing did then, or was being delivered
	flushed instant // when the last flush began that went well
	failed  bool    // the last flush did not
}

// due reports whether what waits is to be flushed at the end of an invocation, now.
func (p *pace) due(now instant) bool {
	period := p.strategy.period
	half := period / 2 // what has waited for less than this can wait for another such gap
	if p.last.isNever() || p.last.until(now) > half {
		p.dense = now
	}
	p.last = now
	switch {
	case p.failed:
		return true
	case p.strategy.kind == periodic:
		return p.flushed.isNever() || p.flushed.until(now) >= period
	case p.strategy.kind == adaptive:
		return p.dense.until(now) < period || p.oldest.isNever() || p.oldest.until(now) >= half
	default:
		return true
	}
}

// landed is told of a flush that began at began and is over. What had ended before it was delivered, where it went well.
func (p *pace) landed(began instant, err error) {
	p.failed = err != nil
	if p.failed {
		return
	}
	p.flushed, p.oldest = began, began
}

// cleared is told that nothing waits now, whoever has delivered it.
func (p *pace) cleared(now instant) { p.oldest, p.failed = now, false }

// rhythm is the agent's pace with its clock, for goroutines at once.
type rhythm struct {
	epoch time.Time // the agent's start

	mu   sync.Mutex
	pace pace
}

// now is the moment.
func (r *rhythm) now() instant {
	now := time.Now()
	return instant{wall: now.Round(0), mono: now.Sub(r.epoch)}
}

func (r *rhythm) due() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pace.due(r.now())
}

func (r *rhythm) landed(began instant, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pace.landed(began, err)
}

func (r *rhythm) failed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pace.failed = true
}

// cleared is told that nothing waited at that moment.
func (r *rhythm) cleared(then instant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pace.cleared(then)
}
