package agent

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/flushcalls"
	"github.com/epilogue-go/epilogue/agent/internal/invocations"
	"github.com/epilogue-go/epilogue/internal/extensionsapi"
)

// If next fails, the agent asks again after a pause that doubles from the least to the most.
const (
	leastPause = 10 * time.Millisecond
	mostPause  = time.Second
)

// loop owns next, from the registration to the end of the process. A request for the next event tells the platform that
// it may freeze the environment, so the loop first completes the work of the last event. It keeps asking whatever fails:
// an extension that does not ask holds every invocation until it times out.
func (a *Agent) loop(identifier string) {
	defer a.client.Close()
	eventCame := func() {}
	if a.mode.load() == extension {
		eventCame = a.awaitFirstEvent()
	}
	pause := leastPause
	for a.mayAsk() {
		event, err := a.client.Next(a.life, identifier)
		switch {
		case err != nil && (a.phase.isDraining() || a.life.Err() != nil):
			// The environment ends, and the API with it. mayAsk says whether to go on.
		case err != nil:
			a.nextFailed(err)
			a.pause(pause/2 + rand.N(pause/2))
			pause = min(2*pause, mostPause)
		default:
			pause = leastPause
			eventCame()
			a.nextSucceeded()
			a.invoked(event)
		}
	}
}

// mayAsk waits until the loop may ask for next, and reports false if it never may again. The environment must not freeze
// during the last flush, so after a signal the loop waits here for the end of the process.
func (a *Agent) mayAsk() bool {
	if a.phase.isDraining() {
		select {
		case <-a.phase.drained:
		case <-a.life.Done():
		}
	}
	return a.life.Err() == nil
}

// pause lets d pass, unless a shutdown begins.
func (a *Agent) pause(d time.Duration) {
	if a.phase.hasBegun() { // it is over, and the process lives on
		a.waitFor(nil, d)
		return
	}
	a.waitFor(a.phase.draining, d)
}

// invokeWait is how long after the end of an invocation its INVOKE event may come. The platform sends it when the
// invocation begins, and does not freeze the environment before the loop has handled it.
const invokeWait = time.Second

// invokeIsLate is called when the INVOKE event of an invocation has not come in time, and flushes for it.
func (a *Agent) invokeIsLate() {
	if a.life.Err() == nil && a.findOrphans() {
		a.flushCalls.Request(a.settings.Budget.FlushEnd(time.Now(), time.Time{}), flushcalls.Regular) // a failure is counted and logged there
	}
}

// findOrphans reports whether invocations have ended whose INVOKE events do not come, as in some emulators. Then each End
// flushes from now on, until an event comes after all.
func (a *Agent) findOrphans() bool {
	if _, found := a.invocations.Orphans(); !found {
		return false
	}
	a.mode.change(extension, extensionFailed)
	go a.log.LogLimited(slog.LevelWarn, "agent: an invocation ended without its INVOKE event; each invocation flushes before the next one",
		slog.String("remedy", "EPILOGUE_SHUTDOWN_ONLY=true, if this environment sends no events"))
	return true
}

// nextFailed makes the end of each invocation flush from now on, and flushes for those that ended before and relied on
// an INVOKE event.
func (a *Agent) nextFailed(err error) {
	a.counters.count(func(s *Stats) { s.NextFailures++ })
	if a.mode.change(extension, extensionFailed) {
		if deadline, found := a.invocations.Orphans(); found {
			_ = a.flushFor(deadline) // a failure is counted and logged there
		}
	}
	a.log.LogLimited(slog.LevelWarn, "agent: next event failed, asking again", slog.Any("error", err))
}

// nextSucceeded makes the loop flush again. Only an extension that is registered for INVOKE receives events.
func (a *Agent) nextSucceeded() {
	if a.mode.change(extensionFailed, extension) {
		a.log.LogLimited(slog.LevelInfo, "agent: next event works again")
	}
}

// invoked handles an INVOKE event. It returns when the invocation has ended and has been flushed, or need not be held.
func (a *Agent) invoked(event extensionsapi.Event) {
	a.counters.count(func(s *Stats) { s.Invocations++ })
	a.checkMargin(event.Deadline)
	if !a.attached.Load() {
		// Nothing reports the post of the response. To wait would delay every invocation, so the flush runs during
		// this one, and delivers the telemetry of those before it.
		a.counters.count(func(s *Stats) { s.UnwrappedInvokes++ })
		a.flushCalls.Request(a.settings.Budget.FlushEnd(time.Now(), event.Deadline), flushcalls.Regular)
		return
	}
	inv := a.invocations.Invoke(event.RequestID, event.Deadline)
	// If next was broken before, the End of this invocation may have flushed already.
	if a.awaitBegin(inv) && a.awaitEnd(inv) && a.invocations.Snapshot(inv).Flush != invocations.FlushFailed {
		inTime := event.Deadline.IsZero() || time.Now().Before(event.Deadline)
		_ = a.flushAtEnd(event.Deadline, inTime) // a failure is counted and logged there
	}
}

// awaitBegin waits for the handler of inv to start or to have ended, and reports whether the loop is to wait for its
// end. When the handler start wait is over, it flushes the pending items, and releases inv unless the handler has started
// meanwhile.
func (a *Agent) awaitBegin(inv *invocations.Invocation) bool {
	timer := time.NewTimer(a.settings.HandlerStartWait)
	defer timer.Stop()
	select {
	case <-a.phase.draining:
		return false
	case <-inv.Begun():
		return true
	case <-inv.Ended():
		return true
	case <-timer.C:
	}
	if inv.HasBegun() || inv.HasEnded() { // at the same moment
		return true
	}
	_ = a.flushFor(a.invocations.Snapshot(inv).Deadline)
	if !a.invocations.Release(inv) {
		return true
	}
	a.counters.count(func(s *Stats) { s.HandlersNotStarted++ })
	a.log.Log(slog.LevelDebug, "agent: no handler started, invocation released", slog.String("requestId", inv.ID))
	return false
}

// awaitEnd waits for the end of inv. It reports false if the shutdown comes first: after a timeout the end never comes,
// but SIGTERM does.
func (a *Agent) awaitEnd(inv *invocations.Invocation) bool {
	select {
	case <-a.phase.draining:
		return false
	case <-inv.Ended():
		return !a.phase.hasBegun() // the shutdown flushes
	}
}
