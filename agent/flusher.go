package agent

import (
	"context"
	"time"
)

// Flusher is the telemetry that the agent sees out of the process: *otelx.SDK, the OpenTelemetry SDK's providers, or
// several of them behind [Join].
//
// Both methods are given a context with a deadline, which the Flusher is expected to honour. One that does not is left
// behind when its time is up and is not called again before it has returned, so that it can neither hold the
// environment nor pile up. Calls of ForceFlush never overlap each other. Shutdown comes last, once, and when the last
// ForceFlush has returned, if it does so in nine tenths of the shutdown's time. Else Shutdown begins beside it, and both
// may go on until the end of the time, so that a slow request under way is not cut off for a second one. The two must be
// safe for that, as those of OpenTelemetry's providers and processors are (OpenTelemetry Specification, "Concurrency
// requirements"). A panic counts as an error.
//
// A Flusher may also implement [Backlogger], [OpenEnder], [TypedOpenEnder], [OpenExporter], [IntervalSetter],
// [Hastener], [OutWriter] and [log/slog.LogValuer]. The value of the latter is a group of counts that the agent's last log line carries; what it
// holds under the keys "pending" and "dropped" counts as not delivered.
type Flusher interface {
	// ForceFlush delivers what has ended before the call. Nil says that all of it has been delivered; what has not
	// is expected to be kept for the next call.
	ForceFlush(ctx context.Context) error

	// Shutdown delivers what is left and lets go of resources.
	Shutdown(ctx context.Context) error
}

// Backlogger is what a [Flusher] implements that knows what waits in it. The agent asks at the end of each invocation, and
// flushes nothing where nothing waits. Of a Flusher that is none it takes for granted that something does, and does not
// know what it sends by a timer of its own, which a freeze may interrupt where a flush is put off.
type Backlogger interface {
	// Backlog returns at once how much waits to be delivered, and whether a flush must not be put off, whatever the
	// [FlushStrategy]: something is being sent, which a freeze would interrupt, room runs short, or the next ForceFlush
	// has something to report. Where it returns 0 and false, ForceFlush would do nothing and return nil.
	Backlog() (waiting int, urgent bool)
}

// OpenEnder is what a [Flusher] implements whose spans can be ended from outside. At SIGTERM the agent ends in this way
// the spans that a handler was still working on, so that a timed-out invocation leaves a trace.
type OpenEnder interface {
	// EndOpen ends the open spans at and under the span id root, or all open spans where root is zero, with status
	// Error and the reason. It returns how many it ended.
	EndOpen(root [8]byte, reason string) int
}

// TypedOpenEnder is what an [OpenEnder] implements that can say what kind of error ended the spans. The agent then says
// "timeout" of an invocation that has timed out.
type TypedOpenEnder interface {
	// EndOpenAs does what EndOpen does, and gives each span that has none the attribute error.type.
	EndOpenAs(root [8]byte, errorType, reason string) int
}

// OpenExporter is what a [Flusher] implements that can export copies of spans that go on. The agent calls it shortly
// before an invocation's deadline, where what is open then might be lost: see the package's documentation. Calls may
// overlap ForceFlush and, for several invocations, each other.
type OpenExporter interface {
	// ExportOpen exports copies of the open spans around the span id root, as if they ended now, with status Error,
	// the reason, the attribute error.type, and a mark that says that they are provisional. It returns how many were
	// delivered, soon after ctx has ended at the latest, and neither ends the spans nor keeps the copies.
	ExportOpen(ctx context.Context, root [8]byte, errorType, reason string) (int, error)
}

// IntervalSetter is what a [Flusher] implements that can also flush by a timer of its own. The agent tells it once, in
// [Start], whether it is to do so: on where the environment does not freeze (outside Lambda, on Lambda Managed
// Instances), off where a timer would be frozen with the environment.
type IntervalSetter interface {
	SetIntervalFlush(on bool)
}

// Hastener is what a [Flusher] implements that can make more of its last moments if it knows that they are.
type Hastener interface {
	// Hasten is called when the shutdown begins, and returns at once. Until then there is time, and Shutdown is to
	// follow. It is also called before the ForceFlush of an outcome after which the process ends without a shutdown, a
	// panic for one. A ForceFlush may be under way; the agent ends its context early enough for another one, which is free to
	// await what the first has begun.
	Hasten(until time.Time)
}

// OutWriter is what a [Flusher] implements that has a last resort. The agent calls it where the process is about to end
// without a shutdown, after the last ForceFlush.
type OutWriter interface {
	// WriteOut writes what is pending to where it outlasts the process, and returns how much it was, when ctx ends at
	// the latest. Nothing is written twice, by Shutdown neither.
	WriteOut(ctx context.Context) int
}
