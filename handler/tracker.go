package handler

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// Tracker gets the beginning and the end of each invocation, so that telemetry can leave after the response.
// *agent.Agent is one. docs/design.md has the calls of each ending, in order.
//
// Its methods are called concurrently if several invocations share a process. They must not panic. Attach, Begin and
// FlushesAfterEnd return immediately. The others may block, within a bound of the tracker's own.
type Tracker interface {
	// Attach is called once, by Wrap. Without it the tracker need not wait for End.
	Attach()

	// Begin is called before the user's function. The deadline is the invocation's, zero if it has none. root is the
	// id of the invocation's span.
	Begin(requestID string, deadline time.Time, root [8]byte)

	// EndOpenSpans ends the spans that are open at and under the invocation's, with status Error and the reason, and
	// returns how many. The function has panicked or called runtime.Goexit, so nothing else ends them.
	EndOpenSpans(requestID, reason string) int

	// Flush flushes the invocation's telemetry before it returns. The process may live on; see also [EarlyFlusher].
	Flush(requestID string) error

	// FlushBeforeExit does what Flush does, for a process that aws-lambda-go ends next, and writes the items that it
	// cannot deliver to a place that outlives the process. After a panic the caller of the function waits for it. So
	// the flush should be short if the backend is known to be down: *agent.Agent limits it to 250 ms if a circuit
	// breaker is open or half-open.
	FlushBeforeExit(requestID string)

	// End is called when the runtime has posted the invocation's outcome or cannot post it any more. It is idempotent.
	End(requestID string)

	// FlushesAfterEnd reports whether something flushes after End, such as a goroutine that keeps the environment from
	// freezing. If it is false, End flushes before it returns, unless a flush for the invocation was made before.
	FlushesAfterEnd(requestID string) bool
}

// EarlyFlusher is a [Tracker] that can make the flush of its End before the post. *agent.Agent is one. Wrap calls
// FlushEarly instead of Flush if FlushesAfterEnd is false, the process lives on, and End comes too late to flush: after an
// error, or the bytes of a lambda.Handler. Then Flush is left to processes that may end, so that it can collect metrics.
type EarlyFlusher interface {
	// FlushEarly flushes the invocation's telemetry before it returns. The following End need not flush.
	FlushEarly(requestID string) error
}

// noTracker is the default.
type noTracker struct{}

func (noTracker) Attach()                          {}
func (noTracker) Begin(string, time.Time, [8]byte) {}
func (noTracker) EndOpenSpans(string, string) int  { return 0 }
func (noTracker) Flush(string) error               { return nil }
func (noTracker) FlushBeforeExit(string)           {}
func (noTracker) End(string)                       {}
func (noTracker) FlushesAfterEnd(string) bool      { return true }

func (inv *invocation) endOpenSpans(reason string) {
	inv.protect(func() { inv.tracker.EndOpenSpans(inv.requestID, reason) })
}

// flush ignores the error, which the tracker reports by itself.
func (inv *invocation) flush() { inv.protect(func() { _ = inv.tracker.Flush(inv.requestID) }) }

// flushBeforeEnd is flush for a process that lives on.
func (inv *invocation) flushBeforeEnd() {
	if f, ok := inv.tracker.(EarlyFlusher); ok {
		inv.protect(func() { _ = f.FlushEarly(inv.requestID) })
		return
	}
	inv.flush()
}

func (inv *invocation) flushBeforeExit() {
	inv.protect(func() { inv.tracker.FlushBeforeExit(inv.requestID) })
}

func (inv *invocation) end() { inv.protect(func() { inv.tracker.End(inv.requestID) }) }

func (inv *invocation) flushesAfterEnd() bool {
	flushes := true // also if the tracker panics
	inv.protect(func() { flushes = inv.tracker.FlushesAfterEnd(inv.requestID) })
	return flushes
}

// noSpan is the span of an invocation whose own could not be started. It records nothing.
var noSpan = trace.SpanFromContext(context.Background())

// reportTimeout bounds the call of OpenTelemetry's error handler.
const reportTimeout = 100 * time.Millisecond

// guard keeps panics of propagators, samplers, span processors and the tracker from the function. It reports the first
// one to OpenTelemetry's error handler. The others are silent, since they would come with every invocation.
type guard struct{ reported sync.Once }

// protect calls f and recovers a panic.
func (g *guard) protect(f func()) {
	if err := bounded.Protect(f); err != nil {
		g.reported.Do(func() { report(fmt.Errorf("epilogue: telemetry %w; the function continues without it", err)) })
	}
}

// report gives an error to OpenTelemetry's error handler, which is the program's as well: it may panic, or never
// return.
func report(err error) {
	ctx, cancel := context.WithTimeout(context.Background(), reportTimeout)
	defer cancel()
	_ = bounded.Run(ctx, 0, func(context.Context) { otel.Handle(err) })
}
