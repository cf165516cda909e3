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
	"errors"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/agent/internal/flushcalls"
	"github.com/epilogue-go/epilogue/agent/internal/members"
	"github.com/epilogue-go/epilogue/internal/bounded"
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

	Why      string // the reason, for the spans that were open
	TimedOut bool   // the shutdown means that the invocations in flight have timed out

	InFlight     func() (n int, roots [][8]byte) // invocations that have begun and not ended
	EndOpenSpans func(ctx context.Context, roots [][8]byte, errorType, reason string) (int, error)

	ReportPath string // the file for the delivery counts; empty: none
}

// Run ends the open spans, runs the hooks, flushes and shuts the Flusher down. Each part has a context of its own, whose
// parent is ctx.
func (s *Shutdown) Run(ctx context.Context) *Report {
	s.FlushCalls.Limit(s.Plan.Flush, s.Plan.Shutdown)

	r := &Report{end: s.Plan.End, window: s.Plan.Window}
	r.fail("set exit deadline", s.announceExit(ctx))
	r.fail("end open spans", s.endAllOpenSpans(ctx, r))
	r.fail("hook", s.runHooks(ctx))
	s.flushAndShutDown(ctx, r)
	r.fail("counts", s.count(ctx, r))
	r.took = r.window - time.Until(r.end)
	r.fail("report", s.writeReport(ctx, r))
	return r
}

// announceExit tells the Pipeline that its last moments have begun.
func (s *Shutdown) announceExit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, budget.CallGrace)
	defer cancel()
	return s.Flusher.SetExitDeadline(ctx, s.Plan.Shutdown)
}

// endAllOpenSpans ends the open spans: those of invocations in flight with a reason of their own, then all others. A
// timeout interrupts the latter as well, such as a span above the invocation's root.
func (s *Shutdown) endAllOpenSpans(ctx context.Context, r *Report) error {
	var roots [][8]byte
	r.inFlight, roots = s.InFlight()
	errorType, meaning := "", ""
	if s.TimedOut && r.inFlight > 0 {
		errorType, meaning = TimeoutType, ": the invocation timed out"
	}
	end := budget.Share(time.Now(), s.Plan.Hooks, 1+len(s.Hooks))
	ctx, cancel := context.WithDeadline(ctx, end.Add(-2*budget.CallGrace))
	defer cancel()
	var errs error
	endSpans := func(roots [][8]byte, reason string) {
		n, err := s.EndOpenSpans(ctx, roots, errorType, reason)
		r.spansEnded += n
		errs = errors.Join(errs, err)
	}
	if len(roots) > 0 {
		endSpans(roots, s.Why+" during the invocation"+meaning)
	}
	endSpans(nil, s.Why+meaning)
	return errs
}

// runHooks runs the hooks in order. The time that one does not use is for those that follow.
func (s *Shutdown) runHooks(ctx context.Context) (errs error) {
	for i, hook := range s.Hooks {
		if err := runHook(ctx, budget.Share(time.Now(), s.Plan.Hooks, len(s.Hooks)-i), hook); err != nil {
			errs = errors.Join(errs, fmt.Errorf("%d of %d: %w", i+1, len(s.Hooks), err))
		}
	}
	return errs
}

func runHook(ctx context.Context, end time.Time, hook func(context.Context)) error {
	ctx, cancel := context.WithDeadline(ctx, end.Add(-budget.CallGrace))
	defer cancel()
	return bounded.Run(ctx, budget.CallGrace, hook)
}

// flushAndShutDown flushes for the last time and shuts the Flusher down: after the flush, or concurrently with it if the
// flush takes most of the time. To end the flush for Shutdown would discard its request for one that has less time.
func (s *Shutdown) flushAndShutDown(ctx context.Context, r *Report) {
	flushed := make(chan error, 1)
	go func() { flushed <- s.FlushCalls.Flush(s.Plan.Shutdown) }() // which returns CallGrace later at the latest
	handover := time.NewTimer(time.Until(s.Plan.Flush))
	defer handover.Stop()
	select {
	case err := <-flushed:
		r.fail("flush", err)
		flushed = nil
	case <-handover.C:
	}
	s.FlushCalls.Close()
	err := s.shutDown(ctx)
	if flushed != nil {
		// A call that had not begun, behind another one, has left its work to Shutdown.
		if err := <-flushed; err != flushcalls.ErrClosed { //nolint:errorlint // other errors may have foreign methods
			r.fail("flush", err)
		}
	}
	r.fail("shutdown", err)
}

func (s *Shutdown) shutDown(ctx context.Context) error {
	ctx, cancel := context.WithDeadline(ctx, s.Plan.Shutdown)
	defer cancel()
	return s.Flusher.Shutdown(ctx)
}

// count reads the delivery counts. On a busy machine the parts before may have used all of the time; then it has
// CallGrace of the margin.
func (s *Shutdown) count(ctx context.Context, r *Report) (err error) {
	ctx, cancel := context.WithDeadline(ctx, s.Plan.End.Add(-budget.CallGrace))
	defer cancel()
	r.counts, err = s.Flusher.Counts(ctx)
	return err
}
