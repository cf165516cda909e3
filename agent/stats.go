package agent

import (
	"sync"
	"time"
)

// Stats counts what the agent has done since [Start]. All counters but Mode, InFlight and LastFlushTime only grow.
type Stats struct {
	// Mode is "extension", "shutdown-only", "managed-instances", "not-lambda", "unregistered",
	// "managed-instances-unregistered" or "extension-failed"; docs/design.md has the table.
	Mode string

	InFlight           int   // invocations that have begun and not ended
	Invocations        int64 // INVOKE events received; only mode extension receives any
	HandlersNotStarted int64 // of these, released because no handler started within the handler start wait
	UnwrappedInvokes   int64 // INVOKE events not held because no handler is wrapped
	NextFailures       int64 // failed requests for the next event

	EmptyFlushesSkipped int64 // ends of invocations with nothing pending, and so without a flush
	FlushesDeferred     int64 // ends of invocations whose flush the strategy deferred

	Flushes       int64         // completed calls of ForceFlush
	FlushErrors   int64         // of these, failed
	FlushTime     time.Duration // the duration of all of them
	LastFlushTime time.Duration // the duration of the last one

	PreTimeoutFlushes int64 // flushes shortly before a deadline; the invocation may have ended in time
	OpenSpansEnded    int64 // spans that the agent ended: after a panic, before a timeout, or in the shutdown
	EndedTooEarly     int64 // invocations that ended in time after the agent had ended their open spans
}

// Stats returns a snapshot.
func (a *Agent) Stats() Stats {
	if a == nil {
		return Stats{Mode: notLambda.String()}
	}
	s := a.counters.load()
	s.Mode = a.mode.load().String()
	ids, _ := a.invocations.InFlight()
	s.InFlight = len(ids)
	return s
}

// counters are the Stats, without Mode and InFlight.
type counters struct {
	mu    sync.Mutex
	stats Stats
}

func (c *counters) load() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

func (c *counters) count(change func(s *Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.stats)
}
