package handler

import "time"

// Tracker is told of the beginning and the end of each invocation, so that telemetry can leave after the response.
// *agent.Agent is one. docs/design.md has the calls of each ending, in order.
//
// Its methods are called concurrently if several invocations share a process. They must not panic. Attach, Begin and
// FlushesAfterEnd return immediately. The others may block, within a bound of the tracker's own.
type Tracker interface {
	// Attach is called once, by Wrap. Without it the tracker need not wait for End.
	Attach()

	// Begin is called before the user's function. The deadline is the invocation's, zero if it has none. root is the
	// id of the invocation's span.
	Begin(requestID string, deadline time.Time, root [8]byte)

	// EndOpenSpans ends the spans that are open at and under the invocation's, with status Error and the reason, and
	// returns how many. The function has panicked or called runtime.Goexit, so nothing else ends them.
	EndOpenSpans(requestID, reason string) int

	// Flush flushes the spans that have ended, before it returns. The process lives on, as far as is known.
	Flush(requestID string) error

	// FlushBeforeExit does what Flush does, for a process that aws-lambda-go ends next, and writes the spans that it
	// cannot deliver to a place that outlives the process. After a panic the caller of the function waits for it. So the
	// flush should be short if the backend is known to be down: *agent.Agent limits it to 250 ms if a circuit breaker is
	// open or half-open.
	FlushBeforeExit(requestID string)

	// End is called when the runtime has posted the invocation's outcome or cannot post it any more. It is idempotent.
	End(requestID string)

	// FlushesAfterEnd reports whether something flushes after End, such as a goroutine that keeps the environment from
	// freezing. If it is false, End flushes before it returns, unless a flush for the invocation was made before.
	FlushesAfterEnd(requestID string) bool
}

// noTracker is the default.
type noTracker struct{}

func (noTracker) Attach()                          {}
func (noTracker) Begin(string, time.Time, [8]byte) {}
func (noTracker) EndOpenSpans(string, string) int  { return 0 }
func (noTracker) Flush(string) error               { return nil }
func (noTracker) FlushBeforeExit(string)           {}
func (noTracker) End(string)                       {}
func (noTracker) FlushesAfterEnd(string) bool      { return true }

// safeTracker is the program's tracker behind a guard.
type safeTracker struct {
	guard  *guard
	unsafe Tracker
}

func (t *safeTracker) Attach() { t.guard.protect(t.unsafe.Attach) }

func (t *safeTracker) Begin(requestID string, deadline time.Time, root [8]byte) {
	t.guard.protect(func() { t.unsafe.Begin(requestID, deadline, root) })
}

func (t *safeTracker) EndOpenSpans(requestID, reason string) {
	t.guard.protect(func() { t.unsafe.EndOpenSpans(requestID, reason) })
}

// Flush ignores the error, which the tracker reports by itself.
func (t *safeTracker) Flush(requestID string) {
	t.guard.protect(func() { _ = t.unsafe.Flush(requestID) })
}

func (t *safeTracker) FlushBeforeExit(requestID string) {
	t.guard.protect(func() { t.unsafe.FlushBeforeExit(requestID) })
}

func (t *safeTracker) End(requestID string) { t.guard.protect(func() { t.unsafe.End(requestID) }) }

// FlushesAfterEnd is true if the tracker's panics.
func (t *safeTracker) FlushesAfterEnd(requestID string) bool {
	flushes := true
	t.guard.protect(func() { flushes = t.unsafe.FlushesAfterEnd(requestID) })
	return flushes
}
