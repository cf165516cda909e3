package matrix

import "time"

// end is a way in which an invocation can end.
type end struct {
	name    string
	payload string
	drive   func(*cell)   // default: the platform does nothing but send the payload
	spans   int           // that the handler and its wrapper make
	timeout time.Duration // of the function; default: generous

	errorType string // what the caller is told; empty: success
	fate      fate

	early        bool // the flush comes before the outcome, always: the process ends with it
	earlyUnheld  bool // the same, where nothing holds the environment after the outcome
	neverAnswers bool // the invocation times out
	leavesOpen   bool // with it, its spans are still open
	afterwards   bool // the process ends when the invocation is over, and with it the backend's bad time
	held         bool // the backend holds the first request until it is told to let it go
}

// fate is what becomes of the process in the invocation with the end.
type fate int

const (
	lives      fate = iota
	exits1          // by itself, with code 1: aws-lambda-go does so after a panic and a refused response
	exits           // by itself, with exitCode
	terminated      // by SIGTERM, which the agent answers; by SIGKILL where no extension is registered
)

// code is the exit code of a process with this fate, -1 where a signal ended it.
func (f fate) code(registered bool) int {
	switch f {
	case exits1:
		return 1
	case exits:
		return exitCode
	case lives, terminated:
		if !registered {
			return -1
		}
	}
	return 0
}

const (
	plenty = 20 * time.Second // for a function on a busy machine
	brief  = 2 * time.Second  // for one that times out

	exitError    = "Runtime.ExitError" // what the caller is told of a process that ends before it has posted
	timeoutError = "Sandbox.Timedout"
)

var ends = []end{
	{name: "ok", payload: `{"do":"ok"}`, spans: 2},
	{name: "handler error", payload: `{"do":"fail"}`, spans: 2, errorType: "errorString", earlyUnheld: true},
	{name: "panic", payload: `{"do":"panic"}`, spans: 2, errorType: "string", fate: exits1, early: true},
	{
		name: "runtime.Goexit", payload: `{"do":"goexit"}`, spans: 2, errorType: timeoutError, fate: terminated,
		early: true, neverAnswers: true, timeout: brief,
	},
	{name: "payload does not decode", payload: `{"do":7}`, errorType: "UnmarshalTypeError"},
	{
		name: "response can not be encoded", payload: `{"do":"unencodable"}`, spans: 2, errorType: "UnsupportedTypeError",
		earlyUnheld: true,
	},
	{
		name: "response refused with 413", payload: `{"do":"large"}`, spans: 2, errorType: "Function.ResponseSizeTooLarge",
		fate: exits1,
	},
	{name: "streamed body", payload: `{"do":"stream"}`, spans: 2},
	{name: "streamed body that breaks", payload: `{"do":"break"}`, spans: 2, errorType: "errorString"},
	{
		name: "timeout", payload: `{"do":"hang"}`, spans: 2, errorType: timeoutError, fate: terminated,
		neverAnswers: true, leavesOpen: true, early: true, timeout: brief,
	},
	{name: "os.Exit in the handler", payload: `{"do":"exit"}`, spans: 2, errorType: exitError, fate: exits},
	{
		name: "SIGTERM in the handler", payload: `{"do":"hang"}`, spans: 2, errorType: exitError, fate: terminated,
		drive: (*cell).terminateInHandler,
	},
	{
		name: "SIGTERM in the flush", payload: `{"do":"ok"}`, spans: 2, fate: terminated,
		drive: (*cell).terminateInFlush, held: true,
	},
	{
		name: "SIGTERM when frozen", payload: `{"do":"ok"}`, spans: 2, fate: terminated,
		drive: (*cell).terminateWhenFrozen, afterwards: true,
	},
}
