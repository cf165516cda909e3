package agent

import (
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/agent/internal/flushcalls"
	"github.com/epilogue-go/epilogue/agent/internal/invocations"
)

// Attach tells the agent that a handler is wrapped and reports its invocations. Call it before lambda.Start. Without it
// the agent holds no invocation; see the package documentation.
func (a *Agent) Attach() {
	if a != nil {
		a.attached.Store(true)
	}
}

// Begin tells the agent that the handler of an invocation is about to run. Until End, the agent holds the INVOKE event
// of the invocation, and SIGTERM ends the open spans at and under root. A zero deadline means that it is not known, a
// zero root that there is none.
func (a *Agent) Begin(requestID string, deadline time.Time, root [8]byte) {
	if a == nil {
		return
	}
	// The platform begins an invocation only when the loop has handled the INVOKE event of the one before.
	if a.mode.load() == extension && a.attached.Load() {
		a.findOrphans()
	}
	if inv, first := a.invocations.Begin(requestID, deadline, root); first {
		a.setAlarms(inv)
		a.checkMargin(inv.Deadline)
	}
}

// End tells the agent that the runtime has posted the outcome of an invocation, or cannot post it any more, and that its
// spans have ended. Only the first End of an invocation counts. Begin need not have been called.
//
// If the agent holds the environment, End returns immediately and the flush follows. Otherwise ([Agent.FlushesAfterEnd]
// is false) End flushes the pending items, within the invocation's budget: call it before the runtime asks for the next
// invocation. It does not flush if FlushEarly, Flush or FlushBeforeExit was called for the invocation, whether that
// succeeded or not: they came before the post, and the environment may be freezing by now.
func (a *Agent) End(requestID string) {
	if a == nil {
		return
	}
	// End changes the invocation before it reads the mode, and the loop changes the mode before it looks for orphaned
	// invocations. So at least one of the two sees the other's change and flushes.
	inv, first := a.invocations.End(requestID)
	if !first {
		return
	}
	if inv.Flush == invocations.NotFlushed {
		a.notTimedOut(inv)
		if a.endFlushes(inv.Released()) {
			a.flushCompleted(inv, a.flushAtEnd(inv.Deadline, false)) // a failure is counted and logged there
		} else if a.mode.load() == extension {
			a.invocations.AwaitInvoke(inv.Invocation, invokeWait, a.invokeIsLate)
		}
	}
	a.checkEndedTooEarly(inv)
}

// Flush flushes now, within the rest of the invocation's budget, and returns the Flusher's error. It collects metrics even
// if their interval has not passed, since the process may end without another flush. Package handler calls it in these
// cases:
//
//   - Lambda may refuse the response, because it is a large stream or late. aws-lambda-go then exits.
//   - On Managed Instances, the response of another invocation may be refused.
//   - The handler has called runtime.Goexit. It posts nothing, so the invocation times out.
//
// Concurrent calls share one flush. During a shutdown, Flush (and an End that flushes) returns only when the shutdown or
// its window is over, since its caller may end the process next. After the invocation's deadline it waits up to 200 ms for
// SIGTERM.
func (a *Agent) Flush(requestID string) error {
	if a == nil {
		return nil
	}
	inv := a.invocations.Find(requestID)
	a.notTimedOut(inv)
	err := a.flushCalls.Flush(a.settings.Budget.FlushEnd(time.Now(), inv.Deadline), flushcalls.Forced)
	a.flushCompleted(inv, err)
	return err
}

// FlushEarly makes the flush of End before the post, and returns the Flusher's error. Metrics keep their interval. Package
// handler calls it if [Agent.FlushesAfterEnd] is false and the outcome is an error or the bytes of a lambda.Handler: their
// End may come after the runtime asks for the next invocation.
func (a *Agent) FlushEarly(requestID string) error {
	if a == nil {
		return nil
	}
	inv := a.invocations.Find(requestID)
	a.notTimedOut(inv)
	err := a.flushAtEnd(inv.Deadline, false)
	a.flushCompleted(inv, err)
	return err
}

// FlushBeforeExit is [Agent.Flush] for a process that exits next without a shutdown, as after a panic: the Pipeline gets
// an exit deadline, and spills the items that the flush could not deliver, within 250 ms. If a circuit breaker of the
// Pipeline is open or half-open ([SignalCounts]), the flush takes at most 250 ms, too, since the caller of the function
// waits for it. During a shutdown FlushBeforeExit only waits for the shutdown.
func (a *Agent) FlushBeforeExit(requestID string) {
	if a == nil {
		return
	}
	inv, now := a.invocations.Find(requestID), time.Now()
	end := a.settings.Budget.ExitFlushEnd(now, inv.Deadline, a.backendDown())
	a.setExitDeadline(end)
	a.flushCompleted(inv, a.flushCalls.Flush(end, flushcalls.Forced))
	if !a.phase.isDraining() { // otherwise the shutdown has spilled
		a.spill(inv.Deadline)
	}
}

// flushCompleted records a flush for an invocation, which may be unknown. Its End does not flush again, and the loop does
// only after a success.
func (a *Agent) flushCompleted(inv invocations.Snapshot, err error) {
	a.invocations.RecordFlush(inv.Invocation, err)
	a.waitForShutdown(inv.Deadline)
}

// EndOpenSpans ends the open spans at and under the invocation's root, with status Error and the reason, and returns how
// many it ended. It is for a handler that cannot end them any more, because it has panicked; a flush is to follow. It
// does nothing without a root, and returns after 250 ms at the latest.
func (a *Agent) EndOpenSpans(requestID, reason string) int {
	if a == nil {
		return 0
	}
	inv := a.invocations.Find(requestID)
	if inv.Root == [8]byte{} {
		return 0
	}
	until := a.settings.Budget.ExitStepEnd(time.Now(), inv.Deadline).Add(-budget.CallGrace)
	return a.endSpansOf(inv.Root, until, "", reason)
}

// FlushesAfterEnd reports whether something flushes after this invocation's End, which then returns immediately: the
// agent's goroutine, which holds the environment, or the background export of an environment that does not freeze. If it
// is false, End itself flushes.
func (a *Agent) FlushesAfterEnd(requestID string) bool {
	return a == nil || !a.endFlushes(a.invocations.Find(requestID).Released())
}

// endFlushes reports whether the End of an invocation flushes, given whether the loop has released it.
func (a *Agent) endFlushes(released bool) bool {
	m := a.mode.load()
	return m.endFlushes() || m.loopFlushes() && (released || !a.attached.Load())
}
