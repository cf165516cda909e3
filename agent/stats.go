package agent

import (
	"sync/atomic"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/members"
)

// Stats counts what the agent has done since [Start]. All counters but Mode, InFlight and LastFlushTime only grow.
type Stats struct {
	// Mode is "extension", "shutdown-only", "managed-instances", "not-lambda", "unregistered",
	// "managed-instances-unregistered" or "extension-failed"; see the package documentation.
	Mode string

	InFlight           int   // invocations that have begun and not ended
	Invocations        int64 // INVOKE events received; only mode extension receives any
	HandlersNotStarted int64 // of these, released because no handler started within the handler start wait
	LateStarts         int64 // of these, released and started later
	UnwrappedInvokes   int64 // INVOKE events not held because no handler is wrapped
	NextFailures       int64 // failed requests for the next event

	EmptyFlushesSkipped int64 // ends of invocations with nothing pending, and so without a flush
	FlushesDeferred     int64 // ends of invocations whose flush the strategy deferred

	Flushes       int64         // completed calls of ForceFlush
	FlushErrors   int64         // of these, failed
	StuckFlushes  int64         // of these, abandoned, or not made because of an abandoned call
	FlushTime     time.Duration // the duration of all of them
	LastFlushTime time.Duration // the duration of the last one

	PreTimeoutFlushes int64 // flushes shortly before a deadline; the invocation may have ended in time
	OpenSpansEnded    int64 // spans that the agent ended: after a panic, before a timeout, or in the shutdown
	EndedTooEarly     int64 // invocations that ended in time after the agent had ended their open spans
}

// Stats returns a snapshot. Each counter is right; they need not be of the same instant.
func (a *Agent) Stats() Stats {
	if a == nil {
		return Stats{Mode: notLambda.String()}
	}
	c := &a.counters
	inFlight, _ := a.invocations.InFlight()
	return Stats{
		Mode:                a.mode.load().String(),
		InFlight:            inFlight,
		Invocations:         c.invocations.Load(),
		HandlersNotStarted:  c.handlersNotStarted.Load(),
		LateStarts:          c.lateStarts.Load(),
		UnwrappedInvokes:    c.unwrappedInvokes.Load(),
		NextFailures:        c.nextFailures.Load(),
		EmptyFlushesSkipped: c.emptyFlushesSkipped.Load(),
		FlushesDeferred:     c.flushesDeferred.Load(),
		Flushes:             c.flushes.Load(),
		FlushErrors:         c.flushErrors.Load(),
		StuckFlushes:        c.stuckFlushes.Load(),
		FlushTime:           time.Duration(c.flushTime.Load()),
		LastFlushTime:       c.lastFlush(),
		PreTimeoutFlushes:   c.preTimeoutFlushes.Load(),
		OpenSpansEnded:      c.openSpansEnded.Load(),
		EndedTooEarly:       c.endedTooEarly.Load(),
	}
}

// counters are the numbers behind Stats.
type counters struct {
	invocations, handlersNotStarted, lateStarts, unwrappedInvokes, nextFailures atomic.Int64

	emptyFlushesSkipped, flushesDeferred atomic.Int64

	flushes, flushErrors, stuckFlushes atomic.Int64
	flushTime, lastFlushTime           atomic.Int64 // nanoseconds

	preTimeoutFlushes, openSpansEnded, endedTooEarly atomic.Int64
}

// flushed counts a call of ForceFlush.
func (c *counters) flushed(took time.Duration, err error) {
	c.flushes.Add(1)
	c.flushTime.Add(int64(took))
	c.lastFlushTime.Store(int64(took))
	if err != nil {
		c.flushErrors.Add(1)
	}
	if members.NotReturned(err) {
		c.stuckFlushes.Add(1)
	}
}

// lastFlush is the duration of the last flush, zero before the first.
func (c *counters) lastFlush() time.Duration { return time.Duration(c.lastFlushTime.Load()) }
