package handler

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// invocation is one call of the handler. Its fields do not change after begin, but for returned and the memory, which
// the goroutine that serves the invocation owns until it returns the response.
type invocation struct {
	*instrument
	ctx       context.Context // as aws-lambda-go gave it: cancelled right after the post of a response or an error
	span      trace.Span
	requestID string
	deadline  time.Time // zero where there is none
	outlook   outlook
	http      bool // the result becomes an HTTP response
	returned  bool // the user's code has returned

	memory
}

// memory is room for what is made once in an invocation, in the one piece of memory that it is.
type memory struct {
	options      [3]trace.SpanStartOption
	ofTheOutcome [2]attribute.KeyValue // a status and a size; with an error.type they take more
}

// late reports whether the deadline has passed: what is posted now is refused, or its acceptance is unknown.
func (inv *invocation) late() bool {
	return !inv.deadline.IsZero() && !time.Now().Before(inv.deadline)
}

// close ends an invocation whose response has been closed. Where that may not mean that it was accepted the flush
// comes first, unless End flushes itself, and so it does where another invocation is about to end the process. With last,
// aws-lambda-go ends it after this one.
func (inv *invocation) close(accepted, last bool) {
	surely, perhaps := inv.doom.fate(inv.outlook)
	last = last || surely
	if !accepted || last {
		inv.doom.bring(last) // what others end while the flush goes on is not in it
	}
	if last {
		inv.tracker.Hasten(inv.requestID)
	}
	if (!accepted || perhaps || last) && inv.tracker.Holds(inv.requestID) {
		inv.tracker.Flush(inv.requestID)
	}
	inv.tracker.End(inv.requestID)
	if last {
		inv.tracker.WriteOut(inv.requestID)
	}
	if !accepted {
		inv.doom.bring(last) // aws-lambda-go learns of it now, and others may have begun meanwhile
	}
}

// endSpan ends the span, and calls into the program's span processors.
func (inv *invocation) endSpan() { inv.safely(func() { inv.span.End() }) }

// fail ends the span with the error that the handler returns.
func (inv *invocation) fail(err error) {
	intact := inv.recordError(err)
	inv.endSpan()
	inv.leave(!intact) // aws-lambda-go asks for the message too: the process will end
}

// leave is called before an outcome goes to aws-lambda-go that nobody closes: an error, a panic, a lambda.Handler's
// bytes. The cancellation of the context tells that it was posted. It comes from another goroutine, too late
// where the environment freezes at once or the process ends, so the flush comes first there. With last, aws-lambda-go ends
// the process after the post.
func (inv *invocation) leave(last bool) {
	over := inv.ctx.Err() != nil // past the deadline: nothing can be posted, and nothing more will tell
	if last || over {
		inv.doom.bring(last)
	}
	surely, perhaps := inv.doom.fate(inv.outlook)
	last = last || surely
	if last {
		inv.tracker.Hasten(inv.requestID)
	}
	if last || over || perhaps || !inv.tracker.Holds(inv.requestID) {
		inv.tracker.Flush(inv.requestID)
	}
	if last {
		inv.tracker.WriteOut(inv.requestID)
	}
	if over {
		inv.tracker.End(inv.requestID)
		inv.doom.bring(last)
		return
	}
	context.AfterFunc(inv.ctx, func() { inv.tracker.End(inv.requestID) })
}

// interrupted must be deferred itself. Unless *returned, the user's code has panicked or called runtime.Goexit:
// that is recorded and flushed, since aws-lambda-go ends the process after it, and a panic goes on. It goes on from
// here, on top of the frames that it came from, so that these are still in the stack trace.
func (inv *invocation) interrupted(returned *bool) {
	if *returned {
		return
	}
	value := recover()
	inv.tracker.EndOpen(inv.requestID, inv.recordInterruption(value))
	inv.endSpan()
	if value == nil { // the goroutine ends, and not the process: nothing will be posted
		inv.tracker.Flush(inv.requestID)
		inv.tracker.End(inv.requestID)
		return
	}
	inv.leave(true)
	panic(value)
}
