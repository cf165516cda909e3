package matrix

import (
	"strings"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// end is a way in which an invocation can end.
type end struct {
	name    string
	payload string
	answer  string // what the caller is told
	errType string // instead of answer
	spans   int    // of the handler and its wrapper
	after   fate   // of the process

	signal       func(place, harness.Call) harness.Step // sends SIGTERM or SIGKILL; nil: none
	early        bool                                   // the flush always comes before the outcome: the process ends with it
	earlyUnheld  bool                                   // the same if nothing holds the environment after the outcome
	timesOut     bool                                   // the handler does not return
	whenFrozen   bool                                   // the process ends when the invocation, and with it the bad time, is over
	holdsRequest bool                                   // the backend holds the first request until it is released
}

// fate is what becomes of the process in the invocation with the end.
type fate int

const (
	lives      fate = iota
	exits1          // with code 1: aws-lambda-go exits after a panic and a refused response
	exits           // with harness.ExitCode
	terminated      // by SIGTERM, with code 0; by SIGKILL if no extension is registered
)

// code is the exit code of a process with this fate, -1 after SIGKILL.
func (f fate) code(p *platform) int {
	switch f {
	case exits1:
		return 1
	case exits:
		return harness.ExitCode
	case lives, terminated:
		if p.unregistered {
			return -1
		}
	}
	return 0
}

const (
	exitError = "Runtime.ExitError" // what the caller is told about a process that ends before it has posted
	timedOut  = "Sandbox.Timedout"
)

// handlerTime is that of each handler: long enough for the agent to notice that next is broken.
const handlerTime = 20 * time.Millisecond

func do(what string) string {
	return harness.Command{Do: what, Pause: handlerTime, Size: harness.TooLarge}.Payload()
}

const done = `"done"`

var ends = []end{
	{name: "ok", payload: do("ok"), answer: done, spans: 2},
	{name: "handler error", payload: do("fail"), spans: 2, errType: "errorString", earlyUnheld: true},
	{name: "panic", payload: do("panic"), spans: 2, errType: "string", after: exits1, early: true},
	{
		name: "runtime.Goexit", payload: do("goexit"), spans: 2, errType: timedOut, after: terminated, early: true, timesOut: true,
	},
	{name: "payload does not decode", payload: `{"do":7}`, errType: "UnmarshalTypeError"},
	{
		name: "response cannot be encoded", payload: do("unencodable"), spans: 2, errType: "UnsupportedTypeError", earlyUnheld: true,
	},
	{
		name: "response refused with 413", payload: do("large"), spans: 2, errType: "Function.ResponseSizeTooLarge", after: exits1,
	},
	{name: "streamed body", payload: do("stream"), answer: "one two three", spans: 2},
	{name: "streamed body that breaks", payload: do("break"), spans: 2, errType: "errorString"},
	{
		name: "timeout", payload: do("hang"), spans: 2, errType: timedOut, after: terminated, timesOut: true, early: true,
	},
	{name: "os.Exit in the handler", payload: do("exit"), spans: 2, errType: exitError, after: exits},
	{
		name: "SIGTERM in the handler", payload: do("hang"), spans: 2, errType: exitError, after: terminated, signal: inHandler,
	},
	{
		name: "SIGTERM in the flush", payload: do("ok"), answer: done, spans: 2, after: terminated, signal: inFlush, holdsRequest: true,
	},
	{
		name: "SIGTERM when frozen", payload: do("ok"), answer: done, spans: 2, after: terminated, signal: whenFrozen, whenFrozen: true,
	},
}

// terminate ends the process as the platform does in the middle of something.
func (p *platform) terminate(r *harness.Run) {
	if p.unregistered {
		harness.Kill(r)
	} else {
		harness.Signal(syscall.SIGTERM)(r)
	}
}

// during makes call, takes step when an event matches, and waits for the end of the process.
func during(call harness.Call, match func(eventlog.Event) bool, step harness.Step) harness.Step {
	return func(r *harness.Run) {
		seq := len(r.Log.Events())
		wait := r.Start(call)
		r.Wait(seq, match)
		step(r)
		wait()
		r.WaitIdle()
		r.Wait(seq, harness.Of(lambdatest.KindProcessExit))
	}
}

func inHandler(p place, call harness.Call) harness.Step {
	return during(call, harness.Line(harness.HandlerStarted), p.platform.terminate)
}

// begun matches the nth request: the flush sends spans and log records concurrently.
func begun(n int) func(eventlog.Event) bool {
	return func(e eventlog.Event) bool {
		if e.Kind == otlpreceiver.KindExportBegun {
			n--
		}
		return n == 0
	}
}

// inFlush ends the process while the backend holds the requests of its flush. If the backend is unreachable, the signal
// follows the answer to the caller: attempts and pauses come after it.
func inFlush(p place, call harness.Call) harness.Step {
	if p.backend.unreachable {
		return during(call, harness.Of(lambdatest.KindCallerAnswered), p.platform.terminate)
	}
	exportEnded := harness.Of(otlpreceiver.KindExportDone, otlpreceiver.KindExportRefused)
	return during(call, begun(2), func(r *harness.Run) {
		seq := len(r.Log.Events())
		p.platform.terminate(r)
		r.Wait(seq, func(e eventlog.Event) bool {
			return e.Kind == lambdatest.KindProcessExit || e.Kind == harness.KindLine && strings.Contains(e.Detail, "SIGTERM received")
		})
		switch {
		case p.backend.bad.Hang:
		case p.platform.unregistered: // the connection tells the backend about the kill
			r.Wait(seq, exportEnded)
		default:
			harness.Release(r)
		}
	})
}

// whenFrozen shuts the environment down when the invocation is over, and with it the bad time.
func whenFrozen(p place, call harness.Call) harness.Step {
	return func(r *harness.Run) {
		harness.Invoke(call)(r)
		p.backend.end(r)
		p.backend.frozen(r)
		harness.ShutdownWith(terminated.code(p.platform))(r)
	}
}
