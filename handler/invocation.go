package handler

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// invocation is one call of the handler. Its fields do not change after begin, except returned, which belongs to the
// goroutine that serves the invocation.
type invocation struct {
	*instrument
	ctx       context.Context // as aws-lambda-go gave it: canceled right after the post of a response or an error
	span      trace.Span
	requestID string
	began     time.Time
	deadline  time.Time // zero if there is none
	http      bool      // the result becomes an HTTP response
	source    trigger.Source
	spanName  string                   // that the event gives; empty if it gives none
	measured  metric.MeasurementOption // the attributes of its metrics; nil: none are recorded
	returned  bool                     // the user's code has returned

	panicked atomic.Bool // a panic has been recorded and flushed
	failed   atomic.Bool // an error or a panic has been recorded, or Lambda refuses the response
	counted  atomic.Bool // in the metrics
}

// invocationKey is the key of the *invocation in the context of the user's function.
type invocationKey struct{}

// pastDeadline reports whether the deadline has passed: a post is refused now, or its acceptance is unknown.
func (inv *invocation) pastDeadline() bool {
	return !inv.deadline.IsZero() && !time.Now().Before(inv.deadline)
}

// close ends an invocation whose response has been closed. mayBeRefused says that Lambda has refused the response or
// may have, exits that aws-lambda-go certainly exits after this invocation.
func (inv *invocation) close(mayBeRefused, exits bool) {
	inv.flushEarly(mayBeRefused, exits, false)
	inv.end()
	if mayBeRefused {
		inv.exit.announce(exits) // again: aws-lambda-go learns of the refusal now, and has fetched invocations until now
	}
}

// endSpan ends the span, which calls the program's span processors, and counts the invocation.
func (inv *invocation) endSpan() {
	inv.protect(func() { inv.span.End() })
	inv.protect(func() { inv.metrics.end(inv, inv.outcome()) })
}

// finishError ends the span with the error that the handler returns.
func (inv *invocation) finishError(err error) {
	f := failureOf(err)
	inv.record(f)
	inv.endSpan()
	inv.finishWithoutClose(f.exits)
}

// finishWithoutClose is called before an outcome goes to aws-lambda-go that is not closed after its post: an error, a
// panic, the bytes of a lambda.Handler. The cancellation of the context follows the post. That comes on another
// goroutine, which is too late for End to flush. exits says that aws-lambda-go exits after the post.
func (inv *invocation) finishWithoutClose(exits bool) {
	over := inv.ctx.Err() != nil // past the deadline: nothing can be posted, and no cancellation follows
	inv.flushEarly(over, exits, !inv.flushesAfterEnd())
	if over {
		inv.end()
		inv.exit.announce(exits)
		return
	}
	context.AfterFunc(inv.ctx, inv.end)
}

// flushEarly flushes before End if a flush after it may come too late: if the caller says so, if the outcome may have
// been refused, or if this or another invocation is about to end the process.
func (inv *invocation) flushEarly(mayBeRefused, exits, endIsLate bool) {
	if mayBeRefused || exits {
		inv.exit.announce(exits) // before the flush, which does not include spans that other invocations end during it
	}
	othersExit, othersMayExit := inv.exit.check(inv.began)
	switch {
	case exits || othersExit:
		inv.flushBeforeExit()
	case mayBeRefused || othersMayExit:
		inv.flush()
	case endIsLate:
		inv.flushBeforeEnd()
	}
}

// onPanic must be deferred itself. Unless *returned, the user's code has panicked or called runtime.Goexit. It records
// that and flushes, since aws-lambda-go exits after most panics, and lets the panic continue. It panics on top of the
// frames of the user's code, so that these stay in the stack trace.
func (inv *invocation) onPanic(returned *bool) {
	if *returned {
		return
	}
	value := recover()
	switch {
	case value == nil: // Goexit ends the goroutine, not the process: nothing will be posted
		inv.recordPanic(failureOfPanic(nil))
		inv.flush()
		inv.end()
		return
	case inv.panicked.Swap(true): // within an http.Handler of HTTP
		context.AfterFunc(inv.ctx, inv.end)
	default:
		f := failureOfPanic(value)
		inv.recordPanic(f)
		inv.finishWithoutClose(f.exits)
	}
	panic(value)
}

// recordPanic ends the invocation's spans: nothing else ends those that the panic has passed.
func (inv *invocation) recordPanic(f failure) {
	inv.endOpenSpans(inv.record(f))
	inv.endSpan()
}
