package handler

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// invocation is one call of the handler. Its fields do not change after begin, except returned and the scratch memory,
// which belong to the goroutine that serves the invocation until it returns the response.
type invocation struct {
	*instrument
	ctx         context.Context // as aws-lambda-go gave it: canceled right after the post of a response or an error
	span        trace.Span
	requestID   string
	deadline    time.Time // zero if there is none
	exitAtBegin exitSnapshot
	http        bool // the result becomes an HTTP response
	returned    bool // the user's code has returned

	scratch
}

// scratch has the memory of slices that every invocation makes once, so that they need no allocation of their own.
type scratch struct {
	options    [3]trace.SpanStartOption
	attributes [2]attribute.KeyValue // of the outcome: a status and a size; with an error.type they take more
}

// pastDeadline reports whether the deadline has passed: a post is refused now, or its acceptance is unknown.
func (inv *invocation) pastDeadline() bool {
	return !inv.deadline.IsZero() && !time.Now().Before(inv.deadline)
}

// close ends an invocation whose response has been closed. accepted says that the platform surely has the response, last
// that aws-lambda-go exits after this invocation. If the response may have been refused, or another invocation is about
// to end the process, the flush comes before End, unless End flushes itself.
func (inv *invocation) close(accepted, last bool) {
	isCertain, suspected := inv.exit.check(inv.exitAtBegin)
	last = last || isCertain
	if !accepted || last {
		inv.exit.announce(last) // before the flush, which does not include spans that other invocations end during it
	}
	switch {
	case last:
		inv.tracker.FlushBeforeExit(inv.requestID)
	case (!accepted || suspected) && inv.tracker.FlushesAfterEnd(inv.requestID):
		inv.tracker.Flush(inv.requestID)
	}
	inv.tracker.End(inv.requestID)
	if !accepted {
		inv.exit.announce(last) // again: aws-lambda-go learns of the refusal now, and has fetched invocations until now
	}
}

// endSpan ends the span, which calls the program's span processors.
func (inv *invocation) endSpan() { inv.protect(func() { inv.span.End() }) }

// finishError ends the span with the error that the handler returns.
func (inv *invocation) finishError(err error) {
	intact := inv.recordError(err)
	inv.endSpan()
	inv.finishWithoutClose(!intact) // aws-lambda-go calls err.Error too, which panics, and exits
}

// finishWithoutClose is called before an outcome goes to aws-lambda-go that is not closed after its post: an error, a
// panic, the bytes of a lambda.Handler. The cancellation of the context tells that it was posted. That comes on another
// goroutine, which is too late if the environment freezes or the process exits. So the flush comes before the post then.
// last says that aws-lambda-go exits after the post.
func (inv *invocation) finishWithoutClose(last bool) {
	over := inv.ctx.Err() != nil // past the deadline: nothing can be posted, and no cancellation follows
	if last || over {
		inv.exit.announce(last)
	}
	isCertain, suspected := inv.exit.check(inv.exitAtBegin)
	switch last = last || isCertain; {
	case last:
		inv.tracker.FlushBeforeExit(inv.requestID)
	case over || suspected || !inv.tracker.FlushesAfterEnd(inv.requestID):
		inv.tracker.Flush(inv.requestID)
	}
	if over {
		inv.tracker.End(inv.requestID)
		inv.exit.announce(last)
		return
	}
	context.AfterFunc(inv.ctx, func() { inv.tracker.End(inv.requestID) })
}

// onPanic must be deferred itself. Unless *returned, the user's code has panicked or called runtime.Goexit. It records
// that and flushes, since aws-lambda-go exits after a panic, and lets the panic continue. It panics on top of the frames
// of the user's code, so that these stay in the stack trace.
func (inv *invocation) onPanic(returned *bool) {
	if *returned {
		return
	}
	value := recover()
	inv.tracker.EndOpenSpans(inv.requestID, inv.recordInterruption(value))
	inv.endSpan()
	if value == nil { // Goexit ends the goroutine, not the process: nothing will be posted
		inv.tracker.Flush(inv.requestID)
		inv.tracker.End(inv.requestID)
		return
	}
	inv.finishWithoutClose(true)
	panic(value)
}
