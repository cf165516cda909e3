package agent

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/agent/internal/flushcalls"
)

// flushFor flushes the items that have ended by now, within the budget of an invocation with this deadline (zero:
// not known).
func (a *Agent) flushFor(deadline time.Time) error {
	return a.flushCalls.Flush(a.settings.Budget.FlushEnd(time.Now(), deadline), flushcalls.Regular)
}

// flushAtEnd flushes at the end of an invocation. It skips the flush if nothing is pending, and defers it to a later end
// if mayDefer is true and the strategy says so. It does neither while a flush or an export is under way, since the
// environment is about to freeze.
func (a *Agent) flushAtEnd(deadline time.Time, mayDefer bool) error {
	now := time.Now()
	until := a.settings.Budget.FlushEnd(now, deadline)
	due := a.schedule.Due(now)
	if !a.flushCalls.Running() {
		ctx, cancel := context.WithDeadline(a.life, until.Add(-budget.CallGrace))
		n, flushNow := a.flusher.Pending(ctx)
		cancel()
		switch {
		case flushNow:
		case n == 0:
			a.schedule.Emptied(now)
			a.counters.count(func(s *Stats) { s.EmptyFlushesSkipped++ })
			return nil
		case mayDefer && !due:
			a.counters.count(func(s *Stats) { s.FlushesDeferred++ })
			return nil
		}
	}
	err := a.flushCalls.Flush(until, flushcalls.Regular)
	if err != nil {
		a.schedule.Flushed(now, err) // the call may not even have begun
	}
	return err
}

// flush is the only caller of the Flusher's Flush and ForceFlush. During a shutdown it leaves the log to the last line:
// nothing may delay Shutdown.
func (a *Agent) flush(ctx context.Context, kind flushcalls.Kind) error {
	began := time.Now()
	flush := a.flusher.Flush
	if kind == flushcalls.Forced {
		flush = a.flusher.ForceFlush
	}
	err := flush(ctx)
	took := time.Since(began)
	a.schedule.Flushed(began, err)
	a.counters.count(func(s *Stats) {
		s.Flushes++
		s.FlushTime += took
		s.LastFlushTime = took
		if err != nil {
			s.FlushErrors++
		}
	})
	if err != nil && !a.phase.isDraining() {
		a.log.LogLimited(slog.LevelWarn, "agent: flush failed", slog.Any("error", err))
	}
	return err
}

// call calls a method of the Pipeline, until then at the latest, and logs a failure as this line.
func (a *Agent) call(until time.Time, failed string, fn func(context.Context) error) {
	ctx, cancel := context.WithDeadline(a.life, until)
	defer cancel()
	if err := fn(ctx); err != nil {
		a.log.LogLimited(slog.LevelWarn, failed, slog.Any("error", err))
	}
}

// backendDown reports whether a circuit breaker of the Pipeline is not closed. A Pipeline that fails to tell counts as one
// whose breakers are closed.
func (a *Agent) backendDown() bool {
	ctx, cancel := context.WithTimeout(a.life, budget.CallGrace)
	defer cancel()
	signals, _ := a.flusher.Counts(ctx) // partial if there is an error
	return slices.ContainsFunc(signals, SignalCounts.BackendDown)
}

// setExitDeadline tells the Pipeline that the process exits at end, or that it lives on if end is zero. It leaves the
// deadline of a shutdown alone.
func (a *Agent) setExitDeadline(end time.Time) {
	if a.phase.isDraining() {
		return
	}
	a.call(time.Now().Add(budget.CallGrace), "agent: SetExitDeadline failed", func(ctx context.Context) error {
		return a.flusher.SetExitDeadline(ctx, end)
	})
}

// spill writes the pending items out, within the budget of an invocation with this deadline.
func (a *Agent) spill(deadline time.Time) {
	n := 0
	until := a.settings.Budget.ExitStepEnd(time.Now(), deadline)
	a.call(until, "agent: SpillPending failed", func(ctx context.Context) (err error) {
		n, err = a.flusher.SpillPending(ctx)
		return err
	})
	if n > 0 {
		a.log.Log(slog.LevelWarn, "agent: the process exits; undelivered telemetry is spilled", slog.Int("spilled", n))
	}
}

// endSpansOf ends the open spans at and under the root of an invocation, and returns how many it ended by then.
func (a *Agent) endSpansOf(root [8]byte, until time.Time, errorType, reason string) (n int) {
	a.call(until, "agent: EndOpenSpans failed", func(ctx context.Context) (err error) {
		n, err = a.flusher.EndOpenSpans(ctx, [][8]byte{root}, errorType, reason)
		return err
	})
	a.counters.count(func(s *Stats) { s.OpenSpansEnded += int64(n) })
	return n
}
