package agent

import (
	"context"
	"log/slog"
	"time"
)

// Attach tells the agent that a handler is wrapped and reports its invocations. It is called before lambda.Start. An
// agent that nobody attaches holds no invocation: see the package's documentation.
func (a *Agent) Attach() {
	if a != nil {
		a.attached.Store(true)
	}
}

// Begin tells the agent that the handler of an invocation is about to run: until End, the platform's INVOKE event for
// it is held, and SIGTERM ends the spans at and under root. A zero deadline is an unknown one, a zero root none.
func (a *Agent) Begin(requestID string, deadline time.Time, root [8]byte) {
	if a == nil {
		return
	}
	if late := a.invocations.begin(requestID, deadline, root); late {
		a.counters.lateBegins.Add(1)
	}
}

// End tells the agent that the response of an invocation has been posted, or can not be any more, and that its spans
// have ended. Only the first End of an invocation counts.
//
// Where the agent holds the environment it returns at once and the flush follows behind it. Where nothing does
// ([Agent.Holds] is false), End flushes what waits and returns when that is done or the budget is used up, so it is to be called
// before the runtime asks for the next invocation. It does not where a Flush for the invocation has been made, well or
// not: that came before the outcome was posted, and the environment may freeze by now, so what waits leaves with the next
// one. It may be called without Begin.
func (a *Agent) End(requestID string) {
	if a == nil {
		return
	}
	// First the end, then the state. When next breaks, the loop sets the state and then looks for ends that it must
	// flush. So whatever the order, one of the two sees the other's.
	first, letGo := a.invocations.end(requestID)
	if first && a.nobodyHolds(letGo) && !a.invocations.isFlushed(requestID) {
		deadline := a.invocations.deadlineOf(requestID)
		a.flushed(requestID, deadline, a.settle(deadline, false)) // counted and logged where it fails
	}
}

// Flush flushes now, within what is left of the invocation's budget, and returns the Flusher's error. It is for what
// can not wait for the end: a panic that is about to end the process, a response that was refused. Calls at the same
// time share one flush.
//
// Once a shutdown is under way Flush returns when that has ended too, or its window, and so does an End that flushes:
// who ends the process after it would cut the shutdown short. After the invocation's deadline SIGTERM is about to come,
// so either waits for it, 200 ms at most.
func (a *Agent) Flush(requestID string) error {
	if a == nil {
		return nil
	}
	deadline := a.invocations.deadlineOf(requestID)
	err := a.flushFor(deadline)
	a.flushed(requestID, deadline, err)
	return err
}

// flushed takes note of a flush for an invocation. Its End does not flush again, and the loop only where this has gone
// well.
func (a *Agent) flushed(requestID string, deadline time.Time, err error) {
	a.invocations.noteFlush(requestID, err != nil)
	a.outlast(deadline)
}

// Hasten tells the Flusher, where it is a [Hastener], that the process ends after the Flush that is to follow: whatever is
// known of the backend, it is to be tried. It does nothing once a shutdown is under way, which has done so.
func (a *Agent) Hasten(requestID string) {
	if a == nil || a.isDraining() {
		return
	}
	end := a.settings.budget.flush(time.Now(), a.invocations.deadlineOf(requestID))
	if err := a.hasten(a.life, end); err != nil {
		a.log.say(warn, "agent: Hasten failed", slog.Any("error", err))
	}
}

// WriteOut has what is pending written to where it outlasts the process, where the Flusher is an [OutWriter], and returns
// how much that was. It is to follow a Flush after which the process ends without a shutdown: a panic, a refused
// response. It ends by the invocation's deadline as a Flush does, and after a quarter of a second. It does nothing once
// a shutdown is under way, which does all that is to be done.
func (a *Agent) WriteOut(requestID string) int {
	if a == nil || a.isDraining() {
		return 0
	}
	end := a.settings.budget.writing(time.Now(), a.invocations.deadlineOf(requestID))
	ctx, cancel := context.WithDeadline(a.life, end)
	defer cancel()
	n, err := a.flusher.writeOut(ctx)
	if err != nil {
		a.log.say(warn, "agent: WriteOut failed", slog.Any("error", err))
	}
	if n > 0 {
		a.log.say(warn, "agent: the process is about to end; what could not be delivered is written out", slog.Int("written", n))
	}
	return n
}

// EndOpen ends the spans still open at and under the invocation's root, with status Error and the reason, where the
// Flusher is an [OpenEnder], and returns how many. It is for a handler that will never end them itself, because it has
// panicked; a Flush is to follow. It does nothing where Begin told of no root.
func (a *Agent) EndOpen(requestID, reason string) int {
	if a == nil {
		return 0
	}
	root := a.invocations.rootOf(requestID)
	if root == [8]byte{} { // which would stand for all spans
		return 0
	}
	n, err := a.flusher.endOpen(root, "", reason)
	a.counters.endedOpen.Add(int64(n))
	if err != nil {
		a.log.sayRarely(warn, "agent: EndOpen failed", slog.Any("error", err))
	}
	return n
}

// Holds reports whether someone else flushes when this invocation has ended, so that End returns at once: the agent's
// goroutine, which holds the environment for it, or the Flusher's timer where the environment does not freeze. It is
// false where End itself flushes: where the extension is registered for no event or not at all, where next is broken,
// and for an invocation that was let go.
func (a *Agent) Holds(requestID string) bool {
	return a == nil || !a.nobodyHolds(a.invocations.isLetGo(requestID))
}

// nobodyHolds reports whether the end of an invocation has to flush, given whether the loop has let it go.
func (a *Agent) nobodyHolds(letGo bool) bool {
	s := a.state.load()
	return s.endFlushes() || s.loopFlushes() && (letGo || !a.attached.Load())
}
