package agent

import (
	"log/slog"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/flushcalls"
	"github.com/epilogue-go/epilogue/agent/internal/invocations"
)

// killedAtTimeout reports whether a timeout ends the process without SIGTERM, because the platform knows neither our
// extension nor an external one. On Managed Instances a timeout does not end the process.
func (a *Agent) killedAtTimeout() bool {
	m := a.mode.load()
	return m.freezes() && !m.registered() && !a.sharesWindow
}

// setAlarms plans the work before the deadline of an invocation that has begun.
func (a *Agent) setAlarms(inv invocations.Snapshot) {
	lastFlush := a.counters.load().LastFlushTime
	flushAt, endSpansAt := a.settings.Budget.PreTimeout(time.Now(), inv.Deadline, lastFlush)
	if flushAt.IsZero() || a.mode.load() == notLambda {
		return
	}
	hasRoot := inv.Root != [8]byte{}
	if a.killedAtTimeout() || a.settings.EndBeforeTimeout && hasRoot {
		a.invocations.SetAlarm(inv.Invocation, endSpansAt, hasRoot, func() { a.beforeTimeout(inv, true) })
	}
	a.invocations.SetAlarm(inv.Invocation, flushAt, false, func() { a.beforeTimeout(inv, false) })
}

// beforeTimeout is called shortly before the deadline of an invocation that has not ended. It flushes the ended items.
// With conclude it first does what nothing else will be able to: it ends the invocation's open spans and reports the
// timeout. It does not wait for the flush: the loop, or End, waits for a flush that is under way before the environment
// freezes. A shutdown flushes by itself.
func (a *Agent) beforeTimeout(inv invocations.Snapshot, conclude bool) {
	if a.phase.isDraining() || a.life.Err() != nil {
		return
	}
	now := time.Now()
	until := a.settings.Budget.FlushEnd(now, inv.Deadline)
	killed := a.killedAtTimeout()
	if conclude && killed {
		a.timeouts.notify(a.life, inv.Invocation.ID)
	}
	if conclude && inv.Root != [8]byte{} {
		a.endSpansOf(inv.Root, until, timeoutType, "ended before the deadline; the handler was still running")
	}
	kind := flushcalls.Regular
	if conclude && killed { // one collection, which has the timeout's count
		kind = flushcalls.Forced
	}
	if killed { // unless the handler returns in time, no flush follows
		a.setExitDeadline(until)
		if inv.Invocation.HasEnded() { // End may have been too early to clear it
			a.setExitDeadline(time.Time{})
		}
	}
	if !a.flushCalls.Request(until, kind) {
		return
	}
	a.counters.count(func(s *Stats) { s.PreTimeoutFlushes++ })
	a.log.LogLimited(slog.LevelInfo, "agent: an invocation is about to time out",
		slog.String("requestId", inv.Invocation.ID), slog.Duration("left", inv.Deadline.Sub(now).Round(time.Millisecond)))
}

// notTimedOut clears the exit deadline that beforeTimeout has set for an invocation, since the process lives on.
func (a *Agent) notTimedOut(inv invocations.Snapshot) {
	if inv.Rang && a.killedAtTimeout() {
		a.setExitDeadline(time.Time{})
	}
}

// checkEndedTooEarly counts an invocation that ended before its deadline although the agent had ended its spans.
func (a *Agent) checkEndedTooEarly(inv invocations.Snapshot) {
	if !inv.SpansEnded || !time.Now().Before(inv.Deadline) {
		return
	}
	a.counters.count(func(s *Stats) { s.EndedTooEarly++ })
	a.log.LogLimited(slog.LevelWarn,
		"agent: the handler returned before its deadline, after its open spans had been ended; a longer function timeout avoids this",
		slog.String("requestId", inv.Invocation.ID))
}
