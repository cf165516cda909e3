package lambdatest

import "github.com/epilogue-go/epilogue/lambdatest/internal/sandbox"

// Kinds of events in the log of an Environment. RequestID is set on each event of one invocation.
const (
	KindInitStart           = sandbox.InitStart           // Init begins; Count: the process's number, from 1
	KindProcessStart        = sandbox.ProcessStart        // the process runs; Count: its number, Detail: its description
	KindExtensionRegistered = sandbox.ExtensionRegistered // Who: its name, Detail: the events it gets
	KindExtensionRefused    = sandbox.ExtensionRefused    // Who: the requested name, Count: the status, Detail: the errorType
	KindExtensionNext       = sandbox.ExtensionNext       // an extension asks for the next event; Who: its name; RequestID: its last invocation
	KindExtensionNextBroken = sandbox.ExtensionNextBroken // the same, answered with a fault of Config.Faults or refused; Count: the status
	KindRuntimeNext         = sandbox.RuntimeNext         // the runtime asks for the next invocation; RequestID: its last one
	KindInitDone            = sandbox.InitDone            // the runtime and all extensions have asked for the next event; Duration: of Init
	KindInitFailed          = sandbox.InitFailed          // the process ended, took too long or failed in Init; Detail: the errorType
	KindThaw                = sandbox.Thaw                // a frozen process resumes; Duration: of the freeze
	KindInvocationReleased  = sandbox.InvocationReleased  // the runtime is given the invocation
	KindInvokeReleased      = sandbox.InvokeReleased      // extensions are given the INVOKE event; Count: how many
	KindResponseBegun       = sandbox.ResponseBegun       // the headers of a response arrive
	KindResponsePosted      = sandbox.ResponsePosted      // a response is accepted; Count: its bytes; Duration: since its first
	KindResponseRefused     = sandbox.ResponseRefused     // a response or an error is not accepted; Count: the status, Detail: the errorType
	KindErrorPosted         = sandbox.ErrorPosted         // the runtime reports a failed invocation; Detail: the errorType
	KindInitError           = sandbox.InitError           // the runtime or an extension (Who) condemns Init; Detail: the errorType
	KindExitError           = sandbox.ExitError           // an extension (Who) condemns the environment; Detail: the errorType
	KindCallerAnswered      = sandbox.CallerAnswered      // the caller of Invoke has its answer; Detail: the errorType of a failure
	KindPhaseDone           = sandbox.PhaseDone           // the runtime and all extensions have asked for the next event; Duration: of the phase
	KindFreeze              = sandbox.Freeze              // the process is stopped
	KindFrozenActivity      = sandbox.FrozenActivity      // in memory: a frozen process tried to send; Who: the destination, Detail: "dial" or "write"
	KindTimeout             = sandbox.Timeout             // the deadline passed before the phase was done
	KindSigterm             = sandbox.Sigterm             // the process gets SIGTERM; Duration: of the window
	KindSigkill             = sandbox.Sigkill             // the process gets SIGKILL
	KindProcessExit         = sandbox.ProcessExit         // the process has ended; Count: its exit code (-1 by signal), Detail: the signal; Duration: since SIGTERM or SIGKILL
)
