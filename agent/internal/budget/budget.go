// Package budget computes until when work may continue: a flush, a spill, the work before a deadline, and the parts of
// the shutdown. It reads no clock and waits for nothing.
package budget

import "time"

const (
	// leastFlush is the least time that a flush in the margin gets, so that it can still send something.
	leastFlush = 20 * time.Millisecond

	// exitStepTimeout bounds each step before a process exits without a shutdown, as after a panic: EndOpenSpans, the
	// flush if the backend is down or the deadline has passed, and SpillPending. It is enough for each on a small
	// function's CPU.
	exitStepTimeout = 250 * time.Millisecond

	// CallGrace is the time that a call of a Flusher or a hook has to return once its context has ended. It is part of
	// the margin.
	CallGrace = 10 * time.Millisecond

	// The agent ends open spans this long before the margin: twice the duration of the last flush within these
	// limits, or the default before the first flush.
	leastEndLead   = 50 * time.Millisecond
	defaultEndLead = 100 * time.Millisecond
	mostEndLead    = 200 * time.Millisecond
)

// Budget computes until when work may continue. It is a pure value.
type Budget struct {
	FlushTimeout    time.Duration
	Margin          time.Duration
	Shutdown        time.Duration // zero: the platform's window less the margin
	PreTimeoutFlush time.Duration // how long before a deadline the agent flushes; zero: never
}

// FlushEnd returns the end of a flush that begins now, for an invocation with this deadline (zero: not known): after the
// flush timeout, or a margin before the deadline.
//
// If that leaves less than leastFlush, a flush before the deadline gets leastFlush, but not more than half of the time
// that is left, since an invocation whose flush passes its deadline has timed out. After the deadline only telemetry is at
// stake, and Lambda ends the process when it chooses to. The flush gets exitStepTimeout: a request that is cut short just
// before its answer arrives is sent twice.
func (b Budget) FlushEnd(now, deadline time.Time) time.Time {
	if deadline.IsZero() {
		return now.Add(b.FlushTimeout)
	}
	left := deadline.Sub(now)
	least := min(leastFlush, left/2)
	if left <= 0 {
		least = exitStepTimeout
	}
	return now.Add(min(b.FlushTimeout, max(left-b.Margin, least)))
}

// ExitStepEnd returns the end of a step before the exit that begins now, such as SpillPending: as that of a flush, with
// exitStepTimeout as the flush timeout.
func (b Budget) ExitStepEnd(now, deadline time.Time) time.Time {
	b.FlushTimeout = exitStepTimeout
	return b.FlushEnd(now, deadline)
}

// ExitFlushEnd returns the end of the last flush of a process that exits without a shutdown: as FlushEnd, but not later
// than ExitStepEnd if the backend is down. A caller waits for this flush, which will probably fail.
func (b Budget) ExitFlushEnd(now, deadline time.Time, backendDown bool) time.Time {
	if backendDown {
		b.FlushTimeout = min(b.FlushTimeout, exitStepTimeout)
	}
	return b.FlushEnd(now, deadline)
}

// PreTimeout returns when the agent flushes before the deadline of an invocation that begins now, and when it ends the
// invocation's open spans, given the duration of the last flush (zero: there was none). Neither comes before half of the
// time that is left has passed. It returns zero times if the agent does nothing.
func (b Budget) PreTimeout(now, deadline time.Time, lastFlush time.Duration) (flushAt, endSpansAt time.Time) {
	left := deadline.Sub(now)
	if deadline.IsZero() || left <= 0 || b.PreTimeoutFlush == 0 {
		return flushAt, endSpansAt
	}
	lead := defaultEndLead
	if lastFlush > 0 {
		lead = min(max(2*lastFlush, leastEndLead), mostEndLead)
	}
	before := func(lead time.Duration) time.Time { return now.Add(left - min(lead, left/2)) }
	return before(b.PreTimeoutFlush), before(b.Margin + lead)
}

// Between SIGTERM and SIGKILL a function's process has this long with an internal extension alone, or together with
// external ones (AWS Lambda Developer Guide, Lambda execution environment lifecycle, Shutdown phase).
const (
	windowAlone  = 500 * time.Millisecond
	windowShared = 300 * time.Millisecond
)

// ShutdownPlan says when the parts of a shutdown end. Each part but the last has CallGrace more to return.
type ShutdownPlan struct {
	Window   time.Duration // from the signal to the end
	Hooks    time.Time     // the shutdown hooks: half of the time
	Flush    time.Time     // the last flush alone: nine tenths of the time; then Shutdown begins
	Shutdown time.Time     // Shutdown, and the last flush
	End      time.Time     // everything, the last log line included
}

// PlanShutdown divides the window of a shutdown that begins now. shared says that there are external extensions.
func (b Budget) PlanShutdown(now time.Time, shared bool) ShutdownPlan {
	window := b.Shutdown
	if window == 0 {
		window = windowAlone
		if shared {
			window = windowShared
		}
		window -= min(b.Margin, window/2) // a margin of seconds must leave something
	}
	parts := window - 2*CallGrace
	return ShutdownPlan{
		Window:   window,
		Hooks:    now.Add(parts / 2),
		Flush:    now.Add(parts * 9 / 10),
		Shutdown: now.Add(parts),
		End:      now.Add(window),
	}
}
