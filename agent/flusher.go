package agent

import "context"

// Flusher is the telemetry that the agent sees out of the process: *otelx.SDK, the OpenTelemetry SDK's providers, or
// several of them behind [Join].
//
// Both methods are given a context with a deadline, which the Flusher is expected to honour. One that does not is left
// behind when its time is up and is not called again before it has returned, so that it can neither hold the
// environment nor pile up. Calls of ForceFlush never overlap each other; Shutdown comes last, once, and overlaps
// ForceFlush only where ForceFlush did not return in time. A panic counts as an error.
//
// A Flusher may also implement [OpenEnder], [IntervalSetter] and [log/slog.LogValuer]. The value of the latter is a
// group of counts that the agent's last log line carries; what it holds under the keys "pending" and "dropped" counts
// as not delivered.
type Flusher interface {
	// ForceFlush delivers what has ended before the call. Nil says that all of it has been delivered; what has not
	// is expected to be kept for the next call.
	ForceFlush(ctx context.Context) error

	// Shutdown delivers what is left and lets go of resources.
	Shutdown(ctx context.Context) error
}

// OpenEnder is what a [Flusher] implements whose spans can be ended from outside. At SIGTERM the agent ends in this way
// the spans that a handler was still working on, so that a timed-out invocation leaves a trace.
type OpenEnder interface {
	// EndOpen ends the open spans at and under the span id root, or all open spans where root is zero, with status
	// Error and the reason. It returns how many it ended.
	EndOpen(root [8]byte, reason string) int
}

// IntervalSetter is what a [Flusher] implements that can also flush by a timer of its own. The agent tells it once, in
// [Start], whether it is to do so: on where the environment does not freeze (outside Lambda, on Lambda Managed
// Instances), off where a timer would be frozen with the environment.
type IntervalSetter interface {
	SetIntervalFlush(on bool)
}
