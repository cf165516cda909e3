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
// panicked or called runtime.Goexit, and nobody else will end them.
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

// holdsFunc returns t's optional Holds, or one that is always true.
func holdsFunc(t Tracker) func(requestID string) bool {
	if h, ok := t.(interface{ Holds(requestID string) bool }); ok {
		return h.Holds
	}
	return func(string) bool { return true }
}

// endOpenFunc returns t's optional EndOpen, or one that does nothing.
func endOpenFunc(t Tracker) func(requestID, reason string) int {
	if e, ok := t.(interface {
		EndOpen(requestID, reason string) int
	}); ok {
		return e.EndOpen
	}
	return func(string, string) int { return 0 }
}
