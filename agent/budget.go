package agent

import "time"

const (
	// Between SIGTERM and SIGKILL a function's process has this long with an internal extension alone, or together
	// with external ones (AWS Lambda Developer Guide, Lambda execution environment lifecycle, Shutdown phase).
	windowAlone  = 500 * time.Millisecond
	windowShared = 300 * time.Millisecond

	// leastFlush is the least time that a flush gets, so that one that begins late can still send something.
	leastFlush = 20 * time.Millisecond

	// spillTimeout bounds SpillPending, and EndOpenSpans after a panic. It is enough for both on a small function's CPU.
	spillTimeout = 250 * time.Millisecond

	// returnGrace is the time that a Flusher has to return once its context has ended. It is part of the margin.
	returnGrace = 10 * time.Millisecond

	// quickCall bounds a call that returns immediately unless something is wrong.
	quickCall = 100 * time.Millisecond

	// The agent ends open spans this long before the margin: twice the duration of the last flush within these
	// limits, or the default before the first flush.
	leastEndLead   = 50 * time.Millisecond
	defaultEndLead = 100 * time.Millisecond
	mostEndLead    = 200 * time.Millisecond
)

// budget computes until when work may continue. It is a pure value.
type budget struct {
	flushTimeout    time.Duration
	margin          time.Duration
	shutdown        time.Duration // zero: the platform's window less the margin
	preTimeoutFlush time.Duration // how long before a deadline the agent flushes; zero: never
}

// flush returns the end of a flush that begins now, for an invocation with this deadline (zero: not known): after the
// flush timeout, or a margin before the deadline.
//
// If that leaves less than leastFlush, a flush before the deadline gets leastFlush, but not more than half of the
// remaining time, because an invocation whose flush passes its deadline has timed out. After the deadline only telemetry is at
// stake, and the flush gets leastFlush.
func (b budget) flush(now, deadline time.Time) time.Time {
	if deadline.IsZero() {
		return now.Add(b.flushTimeout)
	}
	left := deadline.Sub(now)
	least := leastFlush
	if left > 0 {
		least = min(leastFlush, left/2)
	}
	return now.Add(min(b.flushTimeout, max(left-b.margin, least)))
}

// spill returns the end of a SpillPending that begins now: as that of a flush, with spillTimeout as the flush timeout.
func (b budget) spill(now, deadline time.Time) time.Time {
	b.flushTimeout = spillTimeout
	return b.flush(now, deadline)
}

// preTimeout returns when the agent flushes before the deadline of an invocation that begins now, and when it ends the
// invocation's open spans, given the duration of the last flush (zero: there was none). Neither comes before half of the
// time that is left has passed. It returns zero times if the agent does nothing.
func (b budget) preTimeout(now, deadline time.Time, lastFlush time.Duration) (flushAt, endSpansAt time.Time) {
	left := deadline.Sub(now)
	if deadline.IsZero() || left <= 0 || b.preTimeoutFlush == 0 {
		return flushAt, endSpansAt
	}
	lead := defaultEndLead
	if lastFlush > 0 {
		lead = min(max(2*lastFlush, leastEndLead), mostEndLead)
	}
	before := func(lead time.Duration) time.Time { return now.Add(left - min(lead, left/2)) }
	return before(b.preTimeoutFlush), before(b.margin + lead)
}

// shutdownPlan says when the parts of a shutdown end. Each part but the last has returnGrace more to return.
type shutdownPlan struct {
	window   time.Duration // from the signal to the end
	hooks    time.Time     // the shutdown hooks: half of the time
	flush    time.Time     // the last flush alone: nine tenths of the time; then Shutdown begins
	shutdown time.Time     // Shutdown, and the last flush
	end      time.Time     // everything, the last log line included
}

// planShutdown divides the window of a shutdown that begins now. shared says that there are external extensions.
func (b budget) planShutdown(now time.Time, shared bool) shutdownPlan {
	window := b.shutdown
	if window == 0 {
		window = windowAlone
		if shared {
			window = windowShared
		}
		window -= min(b.margin, window/2) // a margin of seconds must leave something
	}
	parts := window - 2*returnGrace
	return shutdownPlan{
		window:   window,
		hooks:    now.Add(parts / 2),
		flush:    now.Add(parts * 9 / 10),
		shutdown: now.Add(parts),
		end:      now.Add(window),
	}
}

// share divides the time until end into n equal parts, and returns the end of the first.
func share(now, end time.Time, n int) time.Time { return now.Add(end.Sub(now) / time.Duration(n)) }
