// Package agent runs an internal Lambda extension: a goroutine of the function's own process that flushes its telemetry
// after each response has been posted, and once more at SIGTERM.
//
//	ag := agent.Start(ctx, tel) // tel is any Flusher, such as *otelx.SDK
//	lambda.Start(handler.Wrap(handle, handler.WithTracker(ag)))
//
// An extension that is registered for INVOKE keeps the environment from freezing until it asks for its next event. The
// agent uses that to flush after the response:
//
//	platform    INVOKE ────────────────────────────────────────────────┐ freeze
//	runtime     ├─ handler ──────────┤ response posted ├─ next         │
//	handler     Begin                          End                     │
//	agent       ├─ waits for the end ·········├─ flush ──────┤ next ───┘
//	caller                             has its response
//
// The caller does not wait for the flush. The time of the flush is billed, and the next invocation on this environment
// waits for it. A flush takes the flush timeout at most, and ends a margin before the invocation's deadline.
//
// # Modes
//
// The agent is in one of seven modes ([Stats]); docs/design.md has the table. If it cannot hold the environment, because
// the platform refuses the registration or sends no INVOKE, the End of each invocation flushes. If the environment does
// not freeze, as on Lambda Managed Instances and outside Lambda, the Pipeline's background export does. A function whose
// handler is not wrapped is never held: the agent flushes at each INVOKE, during the invocation.
//
// # SIGTERM and SIGINT
//
// A registered extension brings a window between SIGTERM and SIGKILL: 500 ms, or 300 ms with external extensions. In it
// the agent ends open spans with status Error, runs the shutdown hooks, flushes, shuts the Flusher down, and ends the
// process with code 0, usually a few milliseconds after the signal. Work of the program at the end belongs into
// [WithShutdownHook]; [WithoutExit] leaves the end of the process to the program. SIGTERM may never come, so that a
// deferred flush ([WithFlushStrategy]) may be lost.
//
// # Timeouts
//
// 200 ms before its deadline the agent flushes the ended spans of a running invocation ([WithPreTimeoutFlush]). SIGTERM
// at the deadline ends the open ones. If no SIGTERM can come, the agent ends them before ([WithEndBeforeTimeout]).
//
// # Faults
//
// The agent never fails an invocation, delays a response or panics. It logs faults at most once a minute. A call of the
// Flusher that does not return in time is abandoned. docs/reliability.md says what arrives in which fault, and
// docs/observability.md has the lines of the log.
package agent
