package sandbox

import "github.com/epilogue-go/epilogue/lambdatest/eventlog"

// Kinds of events. Package lambdatest documents them.
const (
	InitStart           eventlog.Kind = "init.start"
	ProcessStart        eventlog.Kind = "process.start"
	ExtensionRegistered eventlog.Kind = "extension.registered"
	ExtensionRefused    eventlog.Kind = "extension.refused"
	ExtensionNext       eventlog.Kind = "extension.next"
	ExtensionNextBroken eventlog.Kind = "extension.next.broken"
	RuntimeNext         eventlog.Kind = "runtime.next"
	InitDone            eventlog.Kind = "init.done"
	InitFailed          eventlog.Kind = "init.failed"
	Thaw                eventlog.Kind = "thaw"
	InvocationReleased  eventlog.Kind = "invocation.released"
	InvokeReleased      eventlog.Kind = "invoke.released"
	ResponseBegun       eventlog.Kind = "response.begun"
	ResponsePosted      eventlog.Kind = "response.posted"
	ResponseRefused     eventlog.Kind = "response.refused"
	ErrorPosted         eventlog.Kind = "error.posted"
	InitError           eventlog.Kind = "init.error"
	ExitError           eventlog.Kind = "exit.error"
	CallerAnswered      eventlog.Kind = "caller.answered"
	PhaseDone           eventlog.Kind = "phase.done"
	Freeze              eventlog.Kind = "freeze"
	FrozenActivity      eventlog.Kind = "frozen.activity"
	Timeout             eventlog.Kind = "timeout"
	Sigterm             eventlog.Kind = "sigterm"
	Sigkill             eventlog.Kind = "sigkill"
	ProcessExit         eventlog.Kind = "process.exit"
)
