package agent

import "time"

const (
	// Between SIGTERM and SIGKILL a function's process has this long with an internal extension alone, or beside
	// external ones (AWS Lambda Developer Guide, Lambda execution environment lifecycle, Shutdown phase).
	windowAlone  = 500 * time.Millisecond
	windowShared = 300 * time.Millisecond

	// floor is the least that a flush gets, so that one that begins late is not over before it has begun.
	floor = 20 * time.Millisecond

	// writeTimeout is plenty for the lines of a last resort, on a small function's CPU too.
	writeTimeout = 250 * time.Millisecond

	// straggle is how long a Flusher may take to return once its context has ended. It is part of the margin.
	straggle = 10 * time.Millisecond
)

// budget computes until when work may go on. It is a pure value.
type budget struct {
	flushTimeout time.Duration
	margin       time.Duration
	shutdown     time.Duration // zero: the platform's window less the margin
	timeoutGuard time.Duration // how long before a deadline the guard fires; zero: never
}

// flush returns when a flush has to end that begins now, for an invocation with this deadline (zero: not known):
// after the flush timeout, or a margin before the deadline.
//
// Where that leaves less than the floor, a flush that begins before the deadline gets the floor as long as that is not
// more than half of what is left, since an invocation whose flush goes past its deadline has timed out. Past the
// deadline nothing is at stake any more but the telemetry, and the flush gets the floor.
func (b budget) flush(now, deadline time.Time) time.Time {
	if deadline.IsZero() {
		return now.Add(b.flushTimeout)
	}
	left := deadline.Sub(now)
	least := floor
	if left > 0 {
		least = min(floor, left/2)
	}
	return now.Add(min(b.flushTimeout, max(left-b.margin, least)))
}

// writing returns when the writing of a last resort has to end that begins now: as a flush, with a time of its own.
func (b budget) writing(now, deadline time.Time) time.Time {
	b.flushTimeout = writeTimeout
	return b.flush(now, deadline)
}

// guard returns how long after now the timeout guard of an invocation that begins now fires, and whether it does: the
// guard's time before the deadline, but not before half of what is left has passed, so that an invocation with little
// time is not guarded from its first moment on.
func (b budget) guard(now, deadline time.Time) (after time.Duration, ok bool) {
	left := deadline.Sub(now)
	if deadline.IsZero() || left <= 0 || b.timeoutGuard == 0 {
		return 0, false
	}
	return left - min(b.timeoutGuard, left/2), true
}

// plan is when the parts of a shutdown have to end. Each part but the last has a straggle more to return.
type plan struct {
	window   time.Duration // from the signal to the end of all
	hooks    time.Time     // the shutdown hooks: half of the time
	flush    time.Time     // the last flush alone: nine tenths of the time; then Shutdown begins beside it
	shutdown time.Time     // Shutdown, and the last flush
	end      time.Time     // all, the last line of the log included
}

// planShutdown divides the window of a shutdown that begins now. shared says that there are external extensions.
func (b budget) planShutdown(now time.Time, shared bool) plan {
	window := b.shutdown
	if window == 0 {
		window = windowAlone
		if shared {
			window = windowShared
		}
		window -= min(b.margin, window/2) // a margin of seconds must not leave nothing
	}
	parts := window - 2*straggle
	return plan{
		window:   window,
		hooks:    now.Add(parts / 2),
		flush:    now.Add(parts * 9 / 10),
		shutdown: now.Add(parts),
		end:      now.Add(window),
	}
}

// share divides what is left until end equally among n, and returns when the first share is over.
func share(now, end time.Time, n int) time.Time { return now.Add(end.Sub(now) / time.Duration(n)) }
