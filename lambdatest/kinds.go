package lambdatest

import "github.com/epilogue-go/epilogue/lambdatest/eventlog"

// What an Environment writes to its log. RequestID is set on everything that belongs to one invocation.
const (
	KindInitStart           eventlog.Kind = "init.start"            // Init begins; Count: the process's number, from 1
	KindProcessStart        eventlog.Kind = "process.start"         // the process runs; Count: its number, Detail: its description
	KindExtensionRegistered eventlog.Kind = "extension.registered"  // Who: its name, Detail: the events it gets
	KindExtensionRefused    eventlog.Kind = "extension.refused"     // Who: the name asked for, Count: the status, Detail: the errorType
	KindExtensionNext       eventlog.Kind = "extension.next"        // an extension asks for the next event; Who: its name; RequestID: the invocation it had until now
	KindExtensionNextBroken eventlog.Kind = "extension.next.broken" // the same, answered with a fault of Config.Faults or refused; Count: the status
	KindRuntimeNext         eventlog.Kind = "runtime.next"          // the runtime asks for the next invocation; RequestID: the one it had until now
	KindInitDone            eventlog.Kind = "init.done"             // the runtime and all extensions have asked for the next event; Duration: of Init
	KindInitFailed          eventlog.Kind = "init.failed"           // the process ended, took too long or gave up in Init; Detail: the errorType
	KindThaw                eventlog.Kind = "thaw"                  // a frozen process goes on; Duration: how long it was frozen
	KindInvocationReleased  eventlog.Kind = "invocation.released"   // the runtime is given the invocation
	KindInvokeReleased      eventlog.Kind = "invoke.released"       // extensions are given the INVOKE event; Count: how many
	KindResponseBegun       eventlog.Kind = "response.begun"        // the headers of a response arrive
	KindResponsePosted      eventlog.Kind = "response.posted"       // a response is accepted; Count: its bytes; Duration: since its first
	KindResponseRefused     eventlog.Kind = "response.refused"      // a response or an error is not accepted; Count: the status, Detail: the errorType
	KindErrorPosted         eventlog.Kind = "error.posted"          // the runtime reports a failed invocation; Detail: the errorType
	KindInitError           eventlog.Kind = "init.error"            // the runtime or an extension (Who) condemns Init; Detail: the errorType
	KindExitError           eventlog.Kind = "exit.error"            // an extension (Who) condemns the environment; Detail: the errorType
	KindCallerAnswered      eventlog.Kind = "caller.answered"       // the caller of Invoke has its answer; Detail: the errorType of a failure
	KindPhaseDone           eventlog.Kind = "phase.done"            // the runtime and all extensions have asked for the next event; Duration: of the phase
	KindFreeze              eventlog.Kind = "freeze"                // the process is held
	KindFrozenActivity      eventlog.Kind = "frozen.activity"       // in memory: a frozen process tried to send; Who: to where, Detail: "dial" or "write"
	KindTimeout             eventlog.Kind = "timeout"               // the deadline passed before the phase was done
	KindSigterm             eventlog.Kind = "sigterm"               // the process is asked to end; Duration: the window it has
	KindSigkill             eventlog.Kind = "sigkill"               // the process is ended
	KindProcessExit         eventlog.Kind = "process.exit"          // the process has ended; Count: its exit code (-1 by signal), Detail: the signal; Duration: since SIGTERM or SIGKILL
)
