// Package agent runs an internal Lambda extension: a goroutine of the function's own process that flushes its telemetry
// after each response has been posted, and once more at SIGTERM.
//
//	ag := agent.Start(ctx, tel) // tel is any Flusher, such as *otelx.SDK
//	lambda.Start(handler.Wrap(handle, handler.WithTracker(ag)))
//
// # One invocation
//
// An extension that subscribes to INVOKE keeps the environment from freezing until it asks for its next event. The
// agent uses that, and nothing else, to get time after the response:
//
//	platform    INVOKE ────────────────────────────────────────────────┐ freeze
//	runtime     ├─ handler ──────────┤ response posted ├─ next         │
//	handler     Begin                          End                     │
//	agent       ├─ waits for the end ·········├─ flush ──────┤ next ───┘
//	caller                             has its answer
//
// The caller has its answer before the flush begins, and the flush is over before the environment freezes, so neither
// waits for the other. The time of the flush is billed, and the next invocation on this environment waits for it.
//
// The handler package reports Begin and End by request id. INVOKE may arrive before the handler runs, while it runs, or
// after it has returned; all that has happened is remembered, so the order does not matter, and neither does an End
// that comes twice. An invocation that the handler never hears of, because its payload does not decode, is flushed and
// let go after a grace. Should its handler begin after all, its End flushes.
//
// # Who flushes when
//
// Where the agent can not hold the environment, something else flushes. Stats tells which row it is in:
//
//	state        where                                          environment  who flushes        interval flush
//	classic      registered for INVOKE                          freezes      the agent          off
//	signal-only  registered for no event: by option, or         freezes      End, before the    off
//	             because INVOKE was refused                                  runtime's next
//	managed      Lambda Managed Instances                       runs on      the interval       on
//	detached     not registered, or next fails                  freezes      End                off
//	outside      no AWS_LAMBDA_RUNTIME_API                      runs on      the interval       on
//
// The row is found once, in Start. Then only classic changes, to detached while next fails and back when it brings an
// event again. Outside Lambda the agent touches no signal and never ends the process.
//
// An invocation at whose end nothing waits, since nothing of it was sampled, is let go at once ([Backlogger]).
//
// A flush may take the flush timeout, and ends a margin before the invocation's deadline: an invocation whose flush
// passes the deadline would have timed out. What does not make it is for the Flusher to keep.
//
// # Flush strategies
//
// In the row classic the flush of an end can be put off, to save the time that it is billed ([WithFlushStrategy]):
//
//	AtEnd     flushes at every end; the default
//	Periodic  flushes at the first end that comes a period after the last flush
//	Adaptive  flushes at every end while traffic is thin, and each half of a period while it is dense
//
// What is put off leaves with a later end, or with the shutdown. An end flushes whatever the strategy where something is
// being sent, which the freeze would interrupt, or room runs short ([Backlogger]), past its deadline, and after a flush that
// has failed. Panics, refused responses, the timeout guard and an INVOKE whose handler never begins flush at
// once as well; an error that the handler returns is an end like any other. In the other rows End or the interval flushes, as
// the table says.
//
// A process that ends without SIGTERM, by os.Exit or out of memory, or because the platform sends none, loses what was
// put off. docs/strategies.md has what each strategy saves, and how long spans wait for it.
//
// # SIGTERM
//
// An extension, whatever it subscribes to, buys a window between SIGTERM and SIGKILL: 500 ms, or 300 ms beside external
// extensions. In it, less the margin, the agent tells the Flusher how long there is ([Hastener]), ends open spans with
// status Error, runs the shutdown hooks, flushes, shuts the Flusher down, logs a line that contains "graceful shutdown
// completed" with the Flusher's counts, and exits with code 0. The line before contains "SIGTERM received". This beats
// everything else the agent may be doing. SIGINT, which only a person sends, is treated alike.
//
// From the signal on the garbage collector does not begin again (debug.SetGCPercent) before Go's memory has come to three
// quarters of the function's (debug.SetMemoryLimit), unless half of that is in use already: a small function has the CPU
// for a few thousand spans in the window, or for a collection.
//
// SIGTERM may never come, for example when the platform runs out of patience. What was flushed after each invocation is
// safe; leave no telemetry to the end that may not be lost.
//
// # Timeouts
//
// An invocation in flight at SIGTERM has timed out, where the environment freezes between invocations: its open spans,
// and whatever else is open, get error.type=timeout and a reason that says so ([TypedOpenEnder]).
//
// AWS does not promise that SIGTERM, and where no extension is registered it does not come. So a guard flushes what has
// ended 200 ms before the deadline of each invocation that is still running ([WithTimeoutGuard]). What is open then, the
// invocation's own span among it, is the shutdown's to end; only where nobody will, the guard exports copies of it
// ([OpenExporter]), marked as provisional:
//
//	state                             at the deadline           the guard     open spans
//	classic, signal-only, next broken SIGTERM                   flushes       ended by the shutdown
//	detached: not registered          SIGKILL                   flushes       copies
//	managed                           nothing: the process      flushes       their own end, or the shutdown; lost
//	                                  ends when a late response               where their handler goes on for longer
//	                                  has been refused and the                than Lambda lets the process live
//	                                  others are through
//	outside                           -                         no guard      their own end
//
// An external extension buys SIGTERM too, so that beside one no copies are made. [WithProvisionalSpans] has them made in
// every state. A handler that makes it in the last moment is served as any other, and its spans bear no mark; where there
// were copies, backends see both under one span id. The guard competes with the handler for the CPU, once.
//
// # A process that ends itself
//
// After a panic, or a response that was refused, aws-lambda-go ends the process: there is no SIGTERM. The handler
// package has flushed by then, and where that was in vain and the Flusher is an [OutWriter], what is pending is written
// out, for a quarter of a second at most ([Agent.WriteOut]).
//
// # Limits
//
// A function whose handler is not wrapped is never held: at each INVOKE the agent asks for the next event at once and
// flushes, beside the invocation, what is pending. That flush is of the invocations before, and the freeze may
// interrupt it for longer than its time; what it did not deliver leaves with the next one.
//
// A Flusher that does not heed its context is left behind when its time is up, and is not called again before it has
// returned. Its goroutine then stays, and is frozen and thawed with the environment.
//
// # Trouble
//
// Nothing here fails an invocation, delays a response, or panics. A bad setting, a refused registration, a failed flush
// or a failing next costs a line in the log, said again at most once a minute, and is counted. The agent never calls the
// platform's init/error or exit/error, which condemn the environment.
//
// [Agent.Stats] has the counts:
//
//	State, InFlight                                  where it is
//	Invocations, LetGo, LateBegins, Unattached       INVOKE events, and those that were not held to their end
//	NextFailures                                     next
//	Idle, Postponed                                  ends that flushed nothing
//	Flushes, FlushErrors, StuckFlushes               calls of ForceFlush
//	FlushTime, LastFlushTime                         how long they took
//	TimeoutGuards                                    invocations that came close to their deadline
//	ProvisionalSpans, ProvisionalErrors              copies of open spans
//	EndedOpen                                        spans ended from outside
//
// The facts about the platform are from the AWS Lambda Developer Guide: "Lambda Extensions API", "Lambda execution
// environment lifecycle" and "Lambda Managed Instances".
package agent
