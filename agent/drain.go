package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/agent/internal/flushcalls"
	"github.com/epilogue-go/epilogue/agent/internal/logger"
	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/counts"
)

// timeoutType is the error.type of spans that a timeout has ended, or is about to (OpenTelemetry semantic conventions,
// error.type; there is no attribute for the timeout of a function).
const timeoutType = "timeout"

// drain delivers the telemetry of a process that is about to end, within the window that the platform leaves:
//
//	parts                               end at
//	exit deadline, open spans, hooks    plan.Hooks
//	the last flush alone                plan.Flush
//	Shutdown, and the last flush        plan.Shutdown
//	counts, the last line of the log    plan.End
//
// A part that ends early leaves its time to those after it. A part that fails does not stop the others. Each has a context
// of its own.
type drain struct {
	*Agent

	plan     budget.ShutdownPlan
	why      string    // the reason, for the spans that were open
	inFlight []string  // request ids of the invocations that have begun and not ended
	roots    [][8]byte // the root span ids of these that have one
	timedOut bool      // these invocations have timed out

	openSpansEnded int
	took           time.Duration
	counts         []counts.Signal // empty if the Flusher is no Pipeline
	err            error           // of every part that failed
}

// run ends the open spans, runs the hooks, flushes and shuts the Flusher down.
func (d *drain) run(ctx context.Context) {
	d.flushCalls.Limit(d.plan.Flush, d.plan.Shutdown)
	d.part(ctx, "set exit deadline", time.Now().Add(budget.CallGrace), func(ctx context.Context) error {
		return d.flusher.SetExitDeadline(ctx, d.plan.Shutdown)
	})
	d.endOpenSpans(ctx)
	d.runHooks(ctx)
	d.flushAndShutDown(ctx)
	// On a busy machine the parts before may have used all of the time. Then this one has CallGrace of the margin.
	d.part(ctx, "counts", d.plan.End.Add(-budget.CallGrace), func(ctx context.Context) (err error) {
		d.counts, err = d.flusher.Counts(ctx)
		return err
	})
	d.took = d.plan.Window - time.Until(d.plan.End)
	if path := d.process.Getenv(counts.ReportVariable); path != "" && len(d.counts) > 0 {
		d.fail("report", counts.ShutdownReport{Signals: d.counts}.Write(path))
	}
}

// part calls fn with a context that ends at end.
func (d *drain) part(ctx context.Context, name string, end time.Time, fn func(context.Context) error) {
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	d.fail(name, fn(ctx))
}

// fail adds the error of a part; nil adds nothing.
func (d *drain) fail(part string, err error) {
	if err != nil {
		d.err = errors.Join(d.err, fmt.Errorf("%s: %w", part, err))
	}
}

// share divides the time until plan.Hooks into n equal parts, and returns the end of the first.
func (d *drain) share(n int) time.Time {
	return time.Now().Add(time.Until(d.plan.Hooks) / time.Duration(n))
}

// endOpenSpans ends the open spans: those of invocations in flight with a reason of their own, then all others. A
// timeout interrupts the latter as well, such as a span above the invocation's root.
func (d *drain) endOpenSpans(ctx context.Context) {
	errorType, meaning := "", ""
	if d.timedOut && len(d.inFlight) > 0 {
		errorType, meaning = timeoutType, ": the invocation timed out"
	}
	end := d.share(1 + len(d.hooks)).Add(-2 * budget.CallGrace)
	endSpans := func(roots [][8]byte, reason string) {
		d.part(ctx, "end open spans", end, func(ctx context.Context) error {
			n, err := d.flusher.EndOpenSpans(ctx, roots, errorType, reason)
			d.openSpansEnded += n
			return err
		})
	}
	if len(d.roots) > 0 {
		endSpans(d.roots, d.why+" during the invocation"+meaning)
	}
	endSpans(nil, d.why+meaning)
	d.counters.count(func(s *Stats) { s.OpenSpansEnded += int64(d.openSpansEnded) })
}

// runHooks runs the hooks in order. The time that one does not use is for those that follow.
func (d *drain) runHooks(ctx context.Context) {
	for i, hook := range d.hooks {
		end := d.share(len(d.hooks) - i).Add(-budget.CallGrace)
		d.part(ctx, fmt.Sprintf("hook: %d of %d", i+1, len(d.hooks)), end, func(ctx context.Context) error {
			return bounded.Run(ctx, budget.CallGrace, hook)
		})
	}
}

// flushAndShutDown flushes for the last time and shuts the Flusher down: after the flush, or concurrently with it if the
// flush takes most of the time. To end the flush for Shutdown would discard its request for one that has less time.
func (d *drain) flushAndShutDown(ctx context.Context) {
	flushed := make(chan error, 1)
	go func() { flushed <- d.flushCalls.Flush(d.plan.Shutdown, flushcalls.Forced) }() // at most CallGrace longer
	handover := time.NewTimer(time.Until(d.plan.Flush))
	defer handover.Stop()
	select {
	case err := <-flushed:
		d.fail("flush", err)
		flushed = nil
	case <-handover.C:
	}
	d.flushCalls.Close()
	d.part(ctx, "shutdown", d.plan.Shutdown, d.flusher.Shutdown)
	if flushed != nil {
		// A flush that has not begun, because the one under way does not end, has left its work to Shutdown.
		if err := <-flushed; err != flushcalls.ErrClosed { //nolint:errorlint // other errors may have foreign methods
			d.fail("flush", err)
		}
	}
}

// undelivered reports whether telemetry was left undelivered. Without counts an error means that it was.
func (d *drain) undelivered() bool {
	if len(d.counts) == 0 {
		return d.err != nil
	}
	return slices.ContainsFunc(d.counts, func(s counts.Signal) bool { return s.Undelivered()+s.Open > 0 })
}

// logResult writes the last line. It does not outlast the window by more than CallGrace, even if the log blocks.
func (d *drain) logResult() {
	level, message := slog.LevelInfo, "graceful shutdown completed"
	if d.err != nil {
		level = slog.LevelWarn
	}
	if d.undelivered() {
		level, message = slog.LevelWarn, "graceful shutdown completed, but not everything was delivered"
	}
	attrs := []any{
		slog.Duration("took", d.took.Round(time.Microsecond)),
		slog.Duration("window", d.plan.Window),
		slog.Int("invocationsInFlight", len(d.inFlight)),
		slog.Int("openSpansEnded", d.openSpansEnded),
	}
	for _, s := range d.counts {
		attrs = append(attrs, signalAttr(s))
	}
	if d.err != nil {
		attrs = append(attrs, slog.String("error", logger.OneLine(d.err)))
	}
	d.log.LogWithin(max(time.Until(d.plan.End), budget.CallGrace), level, message, attrs...)
}

// signalAttr renders the counts of a signal, without those that are rare and zero.
func signalAttr(s counts.Signal) slog.Attr {
	attrs := []any{
		slog.Int64("ended", s.Ended), slog.Int64("exported", s.Exported),
		slog.Int64("pending", s.Pending), slog.Int64("dropped", s.Dropped),
	}
	for _, reason := range slices.Sorted(maps.Keys(s.Reasons)) {
		attrs = append(attrs, slog.Int64("dropped_"+reason, s.Reasons[reason]))
	}
	// Spans are open if EndOpenSpans has had no time for them, or if they began after it.
	for _, rare := range []slog.Attr{
		slog.Int64("open", s.Open), slog.Int64("spilled", s.Spilled),
		slog.Int64("superseded", s.Superseded), slog.Int64("repeated", s.Repeated),
	} {
		if rare.Value.Int64() != 0 {
			attrs = append(attrs, rare)
		}
	}
	if s.BackendDown() {
		attrs = append(attrs, slog.String("breaker", s.Breaker))
	}
	return slog.Group(s.Name, attrs...)
}
