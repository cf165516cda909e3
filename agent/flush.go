package agent

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
)

// flushFor flushes the items that have ended by now, within the budget of an invocation with this deadline (zero:
// not known).
func (a *Agent) flushFor(deadline time.Time) error {
	return a.flushCalls.Flush(a.settings.Budget.FlushEnd(time.Now(), deadline))
}

// flushAtEnd flushes at the end of an invocation. It skips the flush if nothing is pending, and defers it to a later end
// if mayDefer is true and the strategy says so. It does neither while a flush or an export is under way, since the
// environment is about to freeze.
func (a *Agent) flushAtEnd(deadline time.Time, mayDefer bool) error {
	until := a.settings.Budget.FlushEnd(time.Now(), deadline)
	due := a.schedule.Due()
	if asked := a.schedule.Now(); !a.flushCalls.Running() {
		n, flushNow := a.pending(until)
		switch {
		case flushNow:
		case n == 0:
			a.schedule.Emptied(asked)
			a.counters.emptyFlushesSkipped.Add(1)
			return nil
		case mayDefer && !due:
			a.counters.flushesDeferred.Add(1)
			return nil
		}
	}
	err := a.flushCalls.Flush(until)
	if err != nil {
		a.schedule.Failed() // the call may not even have begun
	}
	return err
}

func (a *Agent) pending(until time.Time) (n int, flushNow bool) {
	ctx, cancel := context.WithDeadline(a.life, until.Add(-budget.CallGrace))
	defer cancel()
	return a.flusher.Pending(ctx)
}

// forceFlush is the only caller of the Flusher's ForceFlush. During a shutdown it leaves the log to the last line:
// nothing may delay Shutdown.
func (a *Agent) forceFlush(ctx context.Context) error {
	began, clock := a.schedule.Now(), time.Now()
	err := a.flusher.ForceFlush(ctx)
	a.counters.flushed(time.Since(clock), err)
	a.schedule.Flushed(began, err)
	if err != nil && !a.phase.isDraining() {
		a.log.LogLimited(slog.LevelWarn, "agent: flush failed", slog.Any("error", err))
	}
	return err
}

// backendDown reports whether a circuit breaker of the Pipeline is not closed. A Pipeline that fails to tell counts as one
// whose breakers are closed.
func (a *Agent) backendDown() bool {
	ctx, cancel := context.WithTimeout(a.life, budget.CallGrace)
	defer cancel()
	signals, _ := a.flusher.Counts(ctx) // partial if there is an error
	return slices.ContainsFunc(signals, SignalCounts.BackendDown)
}

// setExitDeadline tells the Pipeline that the process exits at end, or that it does not if end is zero.
func (a *Agent) setExitDeadline(end time.Time) {
	ctx, cancel := context.WithTimeout(a.life, budget.CallGrace)
	defer cancel()
	if err := a.flusher.SetExitDeadline(ctx, end); err != nil {
		a.log.LogLimited(slog.LevelWarn, "agent: SetExitDeadline failed", slog.Any("error", err))
	}
}

// clearExitDeadline tells the Pipeline that the process lives on. It leaves the deadline of a shutdown alone.
func (a *Agent) clearExitDeadline() {
	if !a.phase.isDraining() {
		a.setExitDeadline(time.Time{})
	}
}

// spill writes the pending items out, within the budget of an invocation with this deadline.
func (a *Agent) spill(deadline time.Time) {
	ctx, cancel := context.WithDeadline(a.life, a.settings.Budget.ExitStepEnd(time.Now(), deadline))
	defer cancel()
	n, err := a.flusher.SpillPending(ctx)
	if err != nil {
		a.log.Log(slog.LevelWarn, "agent: SpillPending failed", slog.Any("error", err))
	}
	if n > 0 {
		a.log.Log(slog.LevelWarn, "agent: the process exits; undelivered telemetry is spilled", slog.Int("spilled", n))
	}
}

// endOpenSpans ends open spans of the Flusher and counts them.
func (a *Agent) endOpenSpans(ctx context.Context, roots [][8]byte, errorType, reason string) (int, error) {
	n, err := a.flusher.EndOpenSpans(ctx, roots, errorType, reason)
	a.counters.openSpansEnded.Add(int64(n))
	return n, err
}

// endSpansOf ends the open spans at and under the root of an invocation, and returns how many it ended by then.
func (a *Agent) endSpansOf(root [8]byte, until time.Time, errorType, reason string) int {
	ctx, cancel := context.WithDeadline(a.life, until)
	defer cancel()
	n, err := a.endOpenSpans(ctx, [][8]byte{root}, errorType, reason)
	if err != nil {
		a.log.LogLimited(slog.LevelWarn, "agent: EndOpenSpans failed", slog.Any("error", err))
	}
	return n
}
