package handler

import "time"

// Tracker is told when invocations begin and end, so that telemetry can leave after the response. *agent.Agent is
// one. Its methods are called from several goroutines at once where several invocations run in one process; they
// must not panic, and only End and Flush may block, within a bound of the tracker's own.
//
// A Tracker that also has
//
//	Holds(requestID string) bool
//
// says with it whether something holds the environment after this invocation's response, so that End returns at
// once; false means that End itself flushes. A Tracker without it counts as holding. One that also has
//
//	EndOpen(requestID, reason string) int
//
// ends with it the spans still open at and under the invocation's, with status Error and the reason: the function has
// panicked or called runtime.Goexit, and nobody else will end them. One that also has
//
//	Hasten(requestID string)
//
// is told with it that aws-lambda-go is about to end the process, and that the next Flush or End is the last. One that
// also has
//
//	WriteOut(requestID string) int
//
// is told with it, after the Flush, that aws-lambda-go is about to end the process: what is still pending then is to go to
// where it outlasts the process, or is lost. It is bounded as Flush is.
type Tracker interface {
	// Attach is called once by Wrap, when it instruments a handler: who was never attached need not wait for End.
	Attach()
	// Begin is called before the user's function. The deadline is the invocation's, zero where it has none; root
	// is the id of the invocation's span.
	Begin(requestID string, deadline time.Time, root [8]byte)
	// End is called when the runtime has posted the invocation's outcome or can not post it any more. It is
	// idempotent.
	End(requestID string)
	// Flush sends what has ended so far before it returns: for panics and for responses that may have been
	// refused, after which aws-lambda-go ends the process.
	Flush(requestID string) error
}

// noTracker stands in where none was given.
type noTracker struct{}

func (noTracker) Attach()                          {}
func (noTracker) Begin(string, time.Time, [8]byte) {}
func (noTracker) End(string)                       {}
func (noTracker) Flush(string) error               { return nil }

// safeTracker is the program's tracker behind a guard, with the optional methods filled in.
type safeTracker struct {
	guard   *guard
	given   Tracker
	holds   func(requestID string) bool
	endOpen func(requestID, reason string) int

	hasten   func(requestID string)
	writeOut func(requestID string) int
}

func newSafeTracker(g *guard, given Tracker) safeTracker {
	t := safeTracker{
		guard: g, given: given,
		holds:   func(string) bool { return true },
		endOpen: func(string, string) int { return 0 },

		hasten:   func(string) {},
		writeOut: func(string) int { return 0 },
	}
	if h, ok := given.(interface{ Holds(requestID string) bool }); ok {
		t.holds = h.Holds
	}
	if e, ok := given.(interface {
		EndOpen(requestID, reason string) int
	}); ok {
		t.endOpen = e.EndOpen
	}
	if h, ok := given.(interface{ Hasten(requestID string) }); ok {
		t.hasten = h.Hasten
	}
	if w, ok := given.(interface{ WriteOut(requestID string) int }); ok {
		t.writeOut = w.WriteOut
	}
	return t
}

func (t *safeTracker) Attach() { t.guard.safely(t.given.Attach) }

func (t *safeTracker) Begin(requestID string, deadline time.Time, root [8]byte) {
	t.guard.safely(func() { t.given.Begin(requestID, deadline, root) })
}

func (t *safeTracker) End(requestID string) { t.guard.safely(func() { t.given.End(requestID) }) }

// Flush leaves it to the tracker to report its faults.
func (t *safeTracker) Flush(requestID string) {
	t.guard.safely(func() { _ = t.given.Flush(requestID) })
}

// Holds is true for a Holds that panics, as it is for a tracker without one.
func (t *safeTracker) Holds(requestID string) bool {
	holds := true
	t.guard.safely(func() { holds = t.holds(requestID) })
	return holds
}

func (t *safeTracker) EndOpen(requestID, reason string) {
	t.guard.safely(func() { t.endOpen(requestID, reason) })
}

func (t *safeTracker) Hasten(requestID string) {
	t.guard.safely(func() { t.hasten(requestID) })
}

func (t *safeTracker) WriteOut(requestID string) {
	t.guard.safely(func() { t.writeOut(requestID) })
}
