package agent

import "time"

// Stats is what the agent has seen and done since [Start]. The counters only grow.
type Stats struct {
	// State is the row of the package's table that the agent is in: "classic", "signal-only", "managed", "detached"
	// or "outside".
	State string

	Invocations  int64 // INVOKE events received
	LetGo        int64 // of these, let go without an end because no handler had begun within the grace
	LateBegins   int64 // handlers that began after their invocation had been let go
	Unattached   int64 // INVOKE events not held because no handler is wrapped
	NextFailures int64 // calls for the next event that failed
	InFlight     int   // invocations begun and not ended now

	Flushes       int64         // calls of ForceFlush that have ended, well or not
	FlushErrors   int64         // of these, those that failed
	StuckFlushes  int64         // of these, those that did not return when their time was up, or were not made because an earlier call still had not returned
	FlushTime     time.Duration // spent in all of them
	LastFlushTime time.Duration // spent in the last one
}
