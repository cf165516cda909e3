// Package agent runs an internal Lambda extension: a goroutine of the function's own process that flushes its telemetry
// after each response has been posted, and once more at SIGTERM.
//
//	ag := agent.Start(ctx, tel) // tel is any Flusher, such as *otelx.SDK
//	lambda.Start(handler.Wrap(handle, handler.WithTracker(ag)))
//
// At SIGTERM and SIGINT the agent ends the process with code 0, usually a few milliseconds after the signal. Work of the
// program at the end belongs into [WithShutdownHook], which runs before the last flush. [WithoutExit] leaves the end of the
// process to the program.
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
// [Stats] says which mode the agent is in:
//
//	mode               situation                                     who flushes
//	extension          registered for INVOKE                         the agent, after End
//	shutdown-only      registered for no event: by option, or        End, before the runtime's next
//	                   because the platform refuses INVOKE
//	managed-instances  Lambda Managed Instances, which do not freeze the Pipeline's background export
//	unregistered       the registration failed                       End
//	managed-instances-unregistered
//	                   the same on Managed Instances                 the Pipeline's background export
//	extension-failed   next is broken, or brings no INVOKE           End
//	not-lambda         AWS_LAMBDA_RUNTIME_API is not set             the Pipeline's background export
//
// Start finds the mode. Afterwards it only changes between extension and extension-failed. A function whose handler is
// not wrapped is never held: the agent flushes at each INVOKE, during the invocation. If no INVOKE comes within 15 s, it
// switches the Pipeline's background export on until one comes.
//
// # SIGTERM
//
// A registered extension brings a window between SIGTERM and SIGKILL: 500 ms, or 300 ms with external extensions. In it
// the agent sets the [Pipeline]'s exit deadline, ends open spans with status Error, runs the shutdown hooks and flushes.
// It then shuts the Flusher down, logs "graceful shutdown completed" with the counts, and exits when all agents of the
// process are that far. SIGTERM may never come, so that a deferred flush ([WithFlushStrategy]) may be lost.
//
// # Timeouts
//
// 200 ms before its deadline the agent flushes the ended spans of a running invocation ([WithPreTimeoutFlush]). SIGTERM
// at the deadline ends the open ones. If no SIGTERM can come, the agent ends them before ([WithEndBeforeTimeout]).
//
// # Faults
//
// The agent never fails an invocation, delays a response or panics. It logs a bad setting, a refused registration or one
// that is not answered within a second, a failed flush or a failed next, at most once a minute. An invocation without
// INVOKE is flushed by its own End or the next one's. A call of the Flusher that does not return in time is abandoned.
//
// docs/design.md has the details, docs/reliability.md what arrives in which fault. Facts about the platform are from the
// AWS Lambda Developer Guide: "Lambda Extensions API", "Lambda execution environment lifecycle" and "Lambda Managed
// Instances".
package agent
