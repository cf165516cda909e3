// Package shutdown delivers the telemetry of a process that is about to end, within the window that the platform leaves:
//
//	parts                               end at
//	exit deadline, open spans, hooks    Plan.Hooks
//	the last flush alone                Plan.Flush
//	Shutdown, and the last flush        Plan.Shutdown
//	counts, the last line of the log    Plan.End
//
// A part that ends early leaves its time to those after it. A part that fails does not stop the others.
package shutdown

import (
	"context"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/agent/internal/flushcalls"
	"github.com/epilogue-go/epilogue/agent/internal/members"
	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/counts"
)

// TimeoutType is the error.type of spans that a timeout has ended, or is about to (OpenTelemetry semantic conventions,
// error.type; there is no attribute for the timeout of a function).
const TimeoutType = "timeout"

// Shutdown is one shutdown of the telemetry. Set all fields, then call Run once.
type Shutdown struct {
	Plan       budget.ShutdownPlan
	Flusher    members.List
	FlushCalls *flushcalls.Calls // of the same Flusher; Run closes them
	Hooks      []func(context.Context)

	Why      string    // the reason, for the spans that were open
	InFlight int       // invocations that have begun and not ended
	Roots    [][8]byte // the root span ids of these that have one
	TimedOut bool      // these invocations have timed out

	ReportPath string // the file for the delivery counts; empty: none
}

// Run ends the open spans, runs the hooks, flushes and shuts the Flusher down. Each part has a context of its own, whose
// parent is ctx.
func (s *Shutdown) Run(ctx context.Context) *Report {
	s.FlushCalls.Limit(s.Plan.Flush, s.Plan.Shutdown)

	r := &Report{plan: s.Plan, inFlight: s.InFlight}
	r.fail("set exit deadline", until(ctx, time.Now().Add(budget.CallGrace), func(ctx context.Context) error {
		return s.Flusher.SetExitDeadline(ctx, s.Plan.Shutdown)
	}))
	s.endOpenSpans(ctx, r)
	s.runHooks(ctx, r)
	s.flushAndShutDown(ctx, r)
	// On a busy machine the parts before may have used all of the time. Then this one has CallGrace of the margin.
	r.fail("counts", until(ctx, s.Plan.End.Add(-budget.CallGrace), func(ctx context.Context) (err error) {
		r.counts, err = s.Flusher.Counts(ctx)
		return err
	}))
	r.took = s.Plan.Window - time.Until(s.Plan.End)
	if s.ReportPath != "" && len(r.counts) > 0 {
		r.fail("report", counts.ShutdownReport{Signals: r.counts}.Write(s.ReportPath))
	}
	return r
}

// until calls fn with a context that ends at end.
func until(ctx context.Context, end time.Time, fn func(context.Context) error) error {
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	return fn(ctx)
}

// share divides the time until end into n equal parts, and returns the end of the first.
func share(end time.Time, n int) time.Time { return time.Now().Add(time.Until(end) / time.Duration(n)) }

// endOpenSpans ends the open spans: those of invocations in flight with a reason of their own, then all others. A
// timeout interrupts the latter as well, such as a span above the invocation's root.
func (s *Shutdown) endOpenSpans(ctx context.Context, r *Report) {
	errorType, meaning := "", ""
	if s.TimedOut && s.InFlight > 0 {
		errorType, meaning = TimeoutType, ": the invocation timed out"
	}
	end := share(s.Plan.Hooks, 1+len(s.Hooks)).Add(-2 * budget.CallGrace)
	endSpans := func(roots [][8]byte, reason string) {
		r.fail("end open spans", until(ctx, end, func(ctx context.Context) error {
			n, err := s.Flusher.EndOpenSpans(ctx, roots, errorType, reason)
			r.OpenSpansEnded += n
			return err
		}))
	}
	if len(s.Roots) > 0 {
		endSpans(s.Roots, s.Why+" during the invocation"+meaning)
	}
	endSpans(nil, s.Why+meaning)
}

// runHooks runs the hooks in order. The time that one does not use is for those that follow.
func (s *Shutdown) runHooks(ctx context.Context, r *Report) {
	for i, hook := range s.Hooks {
		end := share(s.Plan.Hooks, len(s.Hooks)-i).Add(-budget.CallGrace)
		r.fail(fmt.Sprintf("hook: %d of %d", i+1, len(s.Hooks)), until(ctx, end, func(ctx context.Context) error {
			return bounded.Run(ctx, budget.CallGrace, hook)
		}))
	}
}

// flushAndShutDown flushes for the last time and shuts the Flusher down: after the flush, or concurrently with it if the
// flush takes most of the time. To end the flush for Shutdown would discard its request for one that has less time.
func (s *Shutdown) flushAndShutDown(ctx context.Context, r *Report) {
	flushed := make(chan error, 1)
	go func() { flushed <- s.FlushCalls.Flush(s.Plan.Shutdown, flushcalls.Forced) }() // which returns CallGrace later at the latest
	handover := time.NewTimer(time.Until(s.Plan.Flush))
	defer handover.Stop()
	select {
	case err := <-flushed:
		r.fail("flush", err)
		flushed = nil
	case <-handover.C:
	}
	s.FlushCalls.Close()
	err := until(ctx, s.Plan.Shutdown, s.Flusher.Shutdown)
	if flushed != nil {
		// A flush that has not begun, because the one under way does not end, has left its work to Shutdown.
		if err := <-flushed; err != flushcalls.ErrClosed { //nolint:errorlint // other errors may have foreign methods
			r.fail("flush", err)
		}
	}
	r.fail("shutdown", err)
}
