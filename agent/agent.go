package agent

import (
	"context"
	"time"
)

// Agent is the internal extension of one function. All its methods may be called concurrently, none panics, and all are
// valid on a nil *Agent, which does nothing. It implements the handler package's Tracker.
type Agent struct{}

// Start registers the extension, takes over SIGTERM and SIGINT, and returns the agent, which is never nil.
func Start(_ context.Context, _ Flusher, _ ...Option) *Agent { return &Agent{} }

// Attach tells that a handler reports its invocations.
func (a *Agent) Attach() {}

// Begin tells that the handler of an invocation is about to run.
func (a *Agent) Begin(_ string, _ time.Time, _ [8]byte) {}

// End tells that the invocation's response has been posted, or can not be any more.
func (a *Agent) End(_ string) {}

// Flush flushes now, within the invocation's budget.
func (a *Agent) Flush(_ string) error { return nil }

// Holds reports whether the agent flushes after this invocation's response by itself.
func (a *Agent) Holds(_ string) bool { return true }

// Stats returns a snapshot of the agent's counters.
func (a *Agent) Stats() Stats { return Stats{} }
