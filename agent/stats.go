package agent

import (
	"errors"
	"sync/atomic"
	"time"
)

// Stats is what the agent has seen and done since [Start]. All but State, InFlight and LastFlushTime only grow.
type Stats struct {
	// State is the row of the package's table that the agent is in: "classic", "signal-only", "managed", "detached"
	// or "outside".
	State string

	InFlight     int   // invocations that have begun and not ended
	Invocations  int64 // INVOKE events received; none come for what is registered for no event, or not at all
	LetGo        int64 // of these, let go because no handler had begun within the grace
	LateBegins   int64 // of these, those whose handler began after all
	Unattached   int64 // INVOKE events not held because no handler is wrapped
	NextFailures int64 // calls for the next event that failed

	Idle      int64 // invocations at whose end nothing waited, so that nothing was flushed
	Postponed int64 // invocations whose flush the strategy has left for a later end

	Flushes       int64         // calls of ForceFlush that are over, well or not
	FlushErrors   int64         // of these, those that failed
	StuckFlushes  int64         // of these, those that ignored the end of their time, or were not made because of one
	FlushTime     time.Duration // all of them took this long
	LastFlushTime time.Duration // the last one took this long

	TimeoutGuards     int64 // invocations that were about to time out, so that the guard flushed; they may have made it
	ProvisionalSpans  int64 // copies of open spans that the guard has delivered
	ProvisionalErrors int64 // calls of ExportOpen that failed
	EndedOpen         int64 // spans that were ended from outside: at a panic, and by the shutdown
}

// Stats returns a snapshot. Each counter is right; they need not all be of the same instant.
func (a *Agent) Stats() Stats {
	if a == nil {
		return Stats{State: outside.String()}
	}
	c := &a.counters
	return Stats{
		State:             a.state.load().String(),
		InFlight:          len(a.invocations.roots()),
		Invocations:       c.invocations.Load(),
		LetGo:             c.letGo.Load(),
		LateBegins:        c.lateBegins.Load(),
		Unattached:        c.unattached.Load(),
		NextFailures:      c.nextFailures.Load(),
		Idle:              c.idle.Load(),
		Postponed:         c.postponed.Load(),
		Flushes:           c.flushes.Load(),
		FlushErrors:       c.flushErrors.Load(),
		StuckFlushes:      c.stuckFlushes.Load(),
		FlushTime:         time.Duration(c.flushTime.Load()),
		LastFlushTime:     time.Duration(c.lastFlushTime.Load()),
		TimeoutGuards:     c.timeoutGuards.Load(),
		ProvisionalSpans:  c.provisionalSpans.Load(),
		ProvisionalErrors: c.provisionalErrors.Load(),
		EndedOpen:         c.endedOpen.Load(),
	}
}

// counters are the numbers behind Stats.
type counters struct {
	invocations, letGo, lateBegins, unattached, nextFailures atomic.Int64

	idle, postponed atomic.Int64

	flushes, flushErrors, stuckFlushes atomic.Int64
	flushTime, lastFlushTime           atomic.Int64 // nanoseconds

	timeoutGuards, provisionalSpans, provisionalErrors, endedOpen atomic.Int64
}

// flushed counts a call of ForceFlush.
func (c *counters) flushed(took time.Duration, err error) {
	c.flushes.Add(1)
	c.flushTime.Add(int64(took))
	c.lastFlushTime.Store(int64(took))
	if err != nil {
		c.flushErrors.Add(1)
	}
	if errors.Is(err, errStuck) {
		c.stuckFlushes.Add(1)
	}
}
