package integration

import (
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
)

const (
	ms          = time.Millisecond
	hour        = time.Hour
	handlerTime = 20 * ms // from the start of the handler to its return
	streamTime  = 30 * ms // from there to the end of a streamed body
	backendTime = harness.BackendTime

	flushTimeout = 2 * time.Second // the agent's default
)

// up is a backend as it should be.
var up = fault{Delay: backendTime}

// call is an invocation with its expectation. The values below are for a registered agent, a wrapped handler and a
// backend that is up; the methods return calls with other expectations.
type call = harness.Call

type (
	command = harness.Command
	expect  = harness.Expect
)

// do is a call of a command that takes handlerTime.
func do(name string, c command, e expect) call {
	c.Pause = handlerTime
	return call{Name: name, Payload: c.Payload(), Expect: e}
}

const (
	timedOut  = "Sandbox.Timedout"
	exitError = "Runtime.ExitError" // of a process that ends before it has posted
)

var (
	ok = do("ok", command{Do: "ok"}, expect{Answer: `"done"`, Spans: 2, Response: handlerTime, Held: backendTime})

	fails = do("error", command{Do: "fail"}, expect{
		ErrorType: "errorString", Spans: 2, Errors: 1, Response: handlerTime, Held: backendTime,
	})
	panics = do("panic", command{Do: "panic"}, expect{
		ErrorType: "string", Spans: 2, Errors: 2, Response: handlerTime + backendTime, Early: true, Exit: code(1),
	})
	tooLarge = do("refused with 413", command{Do: "large", Size: harness.TooLarge}, expect{
		ErrorType: "Function.ResponseSizeTooLarge", Spans: 2, Response: handlerTime, Held: backendTime, Exit: code(1),
	})
	streams = do("streamed", command{Do: "stream"}, expect{
		Answer: "one two three", Spans: 2, Response: handlerTime + streamTime, Held: backendTime,
	})
	timesOut = do("timeout", command{Do: "hang"}, expect{
		ErrorType: timedOut, Spans: 2, Errors: 2, Response: harness.Timeout, TimesOut: true, Early: true, Exit: code(0),
	})
	returnsAtDeadline = do("returns at the deadline", command{Do: "until the deadline"}, expect{
		ErrorType: timedOut, Spans: 3, Errors: 2, Response: harness.Timeout, TimesOut: true, Early: true, Exit: code(0),
	})
	interrupted = call{ // by a signal, at its start
		Name: "interrupted", Payload: command{Do: "hang"}.Payload(),
		Expect: expect{ErrorType: exitError, Spans: 2, Errors: 2, Response: backendTime},
	}
	undecodable = call{
		Name: "payload that does not decode", Payload: `{"do":7}`,
		Expect: expect{ErrorType: "UnmarshalTypeError", Held: harness.StartWait},
	}
	notJSON = call{
		Name: "payload that is not JSON", Payload: `{"do":`,
		Expect: expect{ErrorType: "errorString", Held: harness.StartWait},
	}
)

// outcomes are what can become of an invocation.
var outcomes = []call{ok, fails, panics, undecodable, tooLarge, streams, timesOut}

// many is a call that ends n spans besides its own two, and leaves goroutines behind; see Command.Behind.
func many(n int, behind ...time.Duration) call {
	e := ok.Expect
	e.Spans += n + len(behind)
	return do("many spans", command{Do: "ok", Spans: n, Behind: behind}, e)
}

// late is a call that returns with so much time left.
func late(left time.Duration) call {
	return call{
		Name: "late", Payload: command{Do: "late", Spans: 1, Left: left}.Payload(),
		Expect: expect{Answer: `"done"`, Spans: 3, Response: harness.Timeout - left, Held: backendTime, Early: true},
	}
}

// nests is a call that times out with spans open in each other, below the invocation's, and one that has ended.
var nests = do("nested timeout", command{Do: "nest", Spans: 1}, expect{
	ErrorType: timedOut, Spans: 5, Errors: 4, Response: harness.Timeout, TimesOut: true, Early: true, Exit: code(0),
})

func code(n int) *int { return &n }

// but returns c with other expectations.
func but(c call, change func(*call)) call {
	change(&c)
	return c
}

func held(c call, d time.Duration) call { return but(c, func(c *call) { c.Held = d }) }

func heldAtMost(c call, d time.Duration) call {
	return but(c, func(c *call) { c.Held, c.AtMost = d, true })
}

func posted(c call, d time.Duration) call { return but(c, func(c *call) { c.Response = d }) }

// flushedFirst expects that the flush comes before the post, because nothing holds the environment afterwards.
func flushedFirst(c call) call {
	return but(c, func(c *call) { c.Early, c.Response, c.Held = true, c.Response+c.Held, 0 })
}

// early expects that spans may be exported before the post.
func early(c call) call { return but(c, func(c *call) { c.Early = true }) }

// spanless expects that there are no spans.
func spanless(c call) call { return ends(c, 0, 0) }

// silent expects that there is nothing to send.
func silent(c call) call { return held(spanless(c), 0) }

// ends expects other numbers of spans, and of those with status Error.
func ends(c call, spans, errors int) call {
	return but(c, func(c *call) { c.Spans, c.Errors = spans, errors })
}

// endedEarly expects that the agent ends the spans "function" and "work" before the deadline, so that none is pending when
// the handler returns.
func endedEarly(c call) call { return held(ends(c, c.Spans, 2), 0) }

func exits(c call, n int) call { return but(c, func(c *call) { c.Exit = code(n) }) }

// taking is a call of the command do whose handler takes d longer.
func taking(c call, name string, d time.Duration) call {
	return but(c, func(c *call) {
		c.Payload = command{Do: name, Pause: handlerTime + d}.Payload()
		c.Response += d
		if name == "stream" { // the pauses of the body grow with the handler's
			c.Response += 3 * d / 2
		}
	})
}
