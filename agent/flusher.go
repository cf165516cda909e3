package agent

import (
	"context"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/members"
	"github.com/epilogue-go/epilogue/internal/counts"
)

// Flusher is the telemetry that the agent flushes: *otelx.SDK, a provider of the OpenTelemetry SDK, or several of them
// behind a [MultiFlusher]. It may also be a [Pipeline].
//
// The agent never calls ForceFlush, or Flush of a Pipeline, twice at once.
//
// It calls Shutdown once, after the last ForceFlush. If that takes more
// than nine tenths of the shutdown window, Shutdown begins while ForceFlush still runs, so both must be safe for
// concurrent use (OpenTelemetry Specification, "Concurrency requirements").
//
// Each call has a context with a deadline. The agent abandons a call that does not return 10 ms after its deadline, and
// does not call ForceFlush again before that call has returned. A panic counts as an error.
type Flusher interface {
	// ForceFlush delivers the telemetry that has ended before the call. It returns nil only if all of it was
	// delivered, and keeps the rest for the next call.
	ForceFlush(ctx context.Context) error

	// Shutdown delivers the telemetry that is left and releases resources.
	Shutdown(ctx context.Context) error
}

// Pipeline is a [Flusher] that knows the state of its telemetry. *otelx.SDK is one. [Start] checks once whether the
// Flusher has all methods of Pipeline. If it has some of them but not all, the agent uses none and logs which are
// missing.
//
// All methods but the Flusher's return quickly. The agent bounds each call and recovers panics.
type Pipeline interface {
	Flusher

	// Flush is ForceFlush at the end of an invocation: it collects metrics only if their interval has passed. The agent
	// calls ForceFlush instead if no later flush is certain: before a timeout without SIGTERM, for an outcome that may
	// be refused, before an exit and at SIGTERM.
	Flush(ctx context.Context) error

	// Pending returns the number of items that wait or are being sent. flushNow is true if the flush must not be
	// deferred: an export is under way that a freeze would interrupt, memory runs short, or the next ForceFlush has
	// an error to report. A collection of metrics that is due counts as an item. If Pending returns 0 and false, Flush has
	// nothing to do and the agent skips it.
	Pending() (n int, flushNow bool)

	// SetBackgroundExport switches exports by timer on or off. The agent calls it once, in Start: on if the
	// environment does not freeze, off if it does.
	SetBackgroundExport(on bool)

	// EndOpenSpans ends the open spans at and under the roots, or every open span if roots is nil, with status Error
	// and the reason. It sets the attribute error.type if errorType is not empty. It returns how many spans it ended.
	EndOpenSpans(roots [][8]byte, errorType, reason string) int

	// SetExitDeadline tells the Pipeline that the process exits at t, so that it uses the remaining time as well as
	// it can. The zero time clears the deadline. If the process still runs after t, everything is normal again.
	SetExitDeadline(t time.Time)

	// SpillPending writes the pending items to a place that outlives the process, until ctx ends, and returns how
	// many it has written. The agent calls it after the last ForceFlush of a process that exits without a shutdown.
	SpillPending(ctx context.Context) int

	// Counts returns the delivery counts of each signal, in a fixed order, and the state of its circuit breaker.
	Counts() []SignalCounts
}

// SignalCounts counts the items of one signal.
type SignalCounts = counts.Signal

// The agent calls every Flusher as a member, by the same methods.
var _ Pipeline = members.Pipeline(nil)

// MultiFlusher joins several flushers, such as traces and metrics of different libraries. It ignores nil flushers, so
// MultiFlusher() flushes nothing.
//
// It calls its members in the order given, one after another, whether or not an earlier one fails. Each may use the
// time that is left, less 100 ms for each member after it, or less their equal share if that is shorter. A member whose
// ForceFlush timed out twice in a row gets 100 ms until it succeeds. Errors name the member: by the name that [Named]
// gave it, or else by its type.
//
// A member that does not return in time is abandoned, and its ForceFlush is not called again before it has returned.
// Members that are a [Pipeline] are used as such by [Start].
func MultiFlusher(flushers ...Flusher) Flusher {
	var all members.List
	for _, f := range flushers {
		all = all.With(f)
	}
	return all
}

// Named gives a member of a [MultiFlusher] the name that its errors carry.
func Named(name string, f Flusher) Flusher {
	if f == nil {
		return nil
	}
	return members.Named{Flusher: f, Name: name}
}
