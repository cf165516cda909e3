package integration

import (
	"fmt"
	"strings"
	"time"
)

// call is an invocation and what has to come of it. The values below are for the agent in charge, a handler wrapped, and
// a collector that is well; the methods return calls with other expectations.
type call struct {
	name    string
	payload string
	trace   string // its X-Ray header; empty: none

	errorType string // what the caller is told; empty: answer
	answer    string
	spans     int // that end
	flagged   int // of them, with status Error
	copies    int // of open spans that arrive shortly before the deadline

	handler time.Duration // from the release to the outcome's post, or to the process's end; exact in virtual time
	after   time.Duration // from there to the end of the phase
	jitter  bool          // after is the most that it may be

	early bool // exports may begin before the outcome is posted
	exit  *int // the process ends with this code
}

// collectorTime is what a collector that is well takes to answer.
const collectorTime = 10 * time.Millisecond

var (
	succeeds = call{
		name: "ok", payload: `{"do":"ok"}`, answer: `"done"`, spans: 2, handler: handlerTime, after: collectorTime,
	}
	fails = call{
		name: "error", payload: `{"do":"fail"}`, errorType: "errorString", spans: 2, flagged: 1, handler: handlerTime, after: collectorTime,
	}
	panics = call{
		name: "panic", payload: `{"do":"panic"}`, errorType: "string", spans: 3, flagged: 2,
		handler: handlerTime + collectorTime, early: true, exit: code(1),
	}
	undecodable = call{
		name: "payload that does not decode", payload: `{"do":7}`, errorType: "UnmarshalTypeError", after: grace,
	}
	malformed = call{
		name: "payload that is no JSON", payload: `{"do":`, errorType: "errorString", after: grace,
	}
	tooLarge = call{
		name: "refused with 413", payload: `{"do":"large"}`, errorType: "Function.ResponseSizeTooLarge", spans: 2,
		handler: handlerTime, after: collectorTime, exit: code(1),
	}
	streams = call{
		name: "streamed", payload: `{"do":"stream"}`, answer: "one two three", spans: 2,
		handler: handlerTime + streamTime, after: collectorTime,
	}
	timesOut = call{
		name: "timeout", payload: `{"do":"hang"}`, errorType: "Sandbox.Timedout", spans: 2, flagged: 2,
		handler: timeout, exit: code(0),
	}
	obeys = call{ // the deadline
		name: "returns at the deadline", payload: `{"do":"obey"}`, errorType: "Sandbox.Timedout", spans: 3, flagged: 2,
		handler: timeout, early: true, exit: code(0),
	}
	interrupted = call{ // by a signal, at its begin
		name: "interrupted", payload: `{"do":"hang"}`, errorType: exitError, spans: 2, flagged: 2, handler: collectorTime,
	}
	bursts = call{
		name: "burst", payload: `{"do":"burst"}`, answer: `"done"`, spans: 2 + burst,
		handler: handlerTime, after: collectorTime, early: true,
	}
)

// outcomes are what can become of an invocation.
var outcomes = []call{succeeds, fails, panics, undecodable, tooLarge, streams, timesOut}

func code(n int) *int { return &n }

// exitError is what the caller is told of a process that ends before it has posted.
const exitError = "Runtime.ExitError"

// hangs reports whether the handler never returns.
func (c call) hangs() bool { return c.errorType == timesOut.errorType }

// held expects that the phase goes on for d after the outcome was posted.
func (c call) held(d time.Duration) call { c.after = d; return c }

// heldAtMost expects the same, up to d.
func (c call) heldAtMost(d time.Duration) call { c.after, c.jitter = d, true; return c }

// lasting is c, which succeeds, fails or streams, where its handler takes d longer.
func (c call) lasting(d time.Duration) call {
	c.payload = strings.Replace(c.payload, "}", fmt.Sprintf(`,"for":%d}`, d), 1)
	c.handler += d
	return c
}

// taking expects d from the release to the post.
func (c call) taking(d time.Duration) call { c.handler = d; return c }

// flushedEarly expects that the flush comes before the post: design.md's states where nothing holds the environment.
func (c call) flushedEarly() call {
	c.early = true
	c.handler += c.after
	c.after = 0
	return c
}

// unseen expects that there are no spans, so nothing to send.
func (c call) unseen() call { c.spans, c.flagged, c.after = 0, 0, 0; return c }

// ending expects spans other than usual.
func (c call) ending(spans int) call { c.spans = spans; return c }

// unflagged expects no span to have status Error.
func (c call) unflagged() call { c.flagged = 0; return c }

// copying expects so many copies of open spans, which leave before the outcome.
func (c call) copying(spans int) call { c.copies, c.early = spans, true; return c }

// exiting expects the process to end with the code given.
func (c call) exiting(n int) call { c.exit = code(n); return c }
