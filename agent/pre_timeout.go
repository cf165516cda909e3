package agent

import (
	"log/slog"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/invocations"
	"github.com/epilogue-go/epilogue/agent/internal/shutdown"
)

const endedBeforeDeadline = "ended before the deadline; the handler was still running"

// endsSpansBeforeTimeout reports whether the agent ends open spans before a deadline.
func (a *Agent) endsSpansBeforeTimeout() bool {
	return a.settings.EndBeforeTimeout || a.killedAtTimeout()
}

// killedAtTimeout reports whether a timeout ends the process without SIGTERM, because the platform knows neither our
// extension nor an external one. On Managed Instances a timeout does not end the process.
func (a *Agent) killedAtTimeout() bool {
	m := a.mode.load()
	return m.freezes() && !m.registered() && !a.sharesWindow
}

// planAlarm returns when the agent acts before the deadline of an invocation that begins now.
func (a *Agent) planAlarm(now, deadline time.Time) (flushAt, endSpansAt time.Time) {
	flushAt, endSpansAt = a.settings.Budget.PreTimeout(now, deadline, a.counters.lastFlush())
	if !a.endsSpansBeforeTimeout() {
		endSpansAt = time.Time{}
	}
	return flushAt, endSpansAt
}

// beforeTimeout is called shortly before the deadline of an invocation that has not ended. It flushes the ended spans,
// and before that ends the invocation's open spans if nothing else will be able to. It does not wait for the flush: the
// loop, or End, waits for a flush that is under way before the environment freezes. A shutdown flushes by itself.
func (a *Agent) beforeTimeout(inv *invocations.Invocation) {
	if inv.HasEnded() || a.phase.isDraining() || a.life.Err() != nil {
		return
	}
	now, s := time.Now(), a.invocations.Snapshot(inv)
	until := a.settings.Budget.FlushEnd(now, s.Deadline)
	if a.invocations.Rang(inv) {
		a.endSpansOf(s.Root, until, shutdown.TimeoutType, endedBeforeDeadline)
	}
	if a.killedAtTimeout() { // unless the handler returns in time, no flush follows
		a.setExitDeadline(until)
		if !a.invocations.ExitSet(inv) {
			a.clearExitDeadline()
		}
	}
	if !a.flushCalls.Request(until) {
		return
	}
	a.counters.preTimeoutFlushes.Add(1)
	a.log.LogLimited(slog.LevelInfo, "agent: an invocation is about to time out",
		slog.String("requestId", inv.ID), slog.Duration("left", s.Deadline.Sub(now).Round(time.Millisecond)))
}

// checkEndedTooEarly counts an invocation that ended before its deadline although the agent had ended its spans.
func (a *Agent) checkEndedTooEarly(inv invocations.Snapshot) {
	if !inv.SpansEnded || !time.Now().Before(inv.Deadline) {
		return
	}
	a.counters.endedTooEarly.Add(1)
	a.log.LogLimited(slog.LevelWarn,
		"agent: the handler returned before its deadline, after its open spans had been ended; a longer function timeout avoids this",
		slog.String("requestId", inv.Invocation.ID))
}
