package agent

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/epilogue-go/epilogue/internal/extensionsapi"
)

// When next fails it is asked for again after a pause that doubles from the least to the most.
const (
	leastPause = 10 * time.Millisecond
	mostPause  = time.Second
)

// loop is the one owner of next, from the registration to the end of the process. To ask for the next event is to tell
// the platform that it may freeze the environment, so what the last event asks for is done before. It keeps asking
// whatever fails: an extension that does not ask holds every invocation until it times out.
func (a *Agent) loop(identifier string) {
	defer a.client.Close()
	pause := leastPause
	for a.mayAsk() {
		event, err := a.client.Next(a.life, identifier)
		switch {
		case err != nil && (a.isDraining() || a.life.Err() != nil):
			// The environment is ending, and the API with it. mayAsk says whether to go on.
		case err != nil:
			a.nextFailed(err)
			a.sleep(pause/2 + rand.N(pause/2))
			pause = min(2*pause, mostPause)
		default:
			pause = leastPause
			a.nextWorks()
			a.invoked(event)
		}
	}
}

// isDraining reports whether a shutdown is under way. After a signal it is until the end of the process.
func (a *Agent) isDraining() bool { return isClosed(a.draining) && !isClosed(a.resumed) }

// mayAsk waits until next may be asked for, and reports false when it never will be.
func (a *Agent) mayAsk() bool {
	// The shutdown beats everything: while its last flush runs, the environment must not freeze. After a signal the
	// loop waits here until the process is gone.
	if a.isDraining() {
		select {
		case <-a.resumed:
		case <-a.life.Done():
		}
	}
	return a.life.Err() == nil
}

// sleep lets d pass, unless a shutdown begins.
func (a *Agent) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	draining := a.draining
	if isClosed(draining) {
		draining = nil // it has been, and the process lives on: pause all the same
	}
	select {
	case <-draining:
	case <-a.life.Done():
	case <-timer.C:
	}
}

// nextFailed takes note that next is broken: from now on the end of each invocation flushes. What has ended before, and
// counted on an INVOKE event, is flushed here.
func (a *Agent) nextFailed(err error) {
	a.counters.nextFailures.Add(1)
	a.log.sayRarely(warn, "agent: next event failed, asking again", slog.Any("error", err))
	if !a.state.change(classic, detached) {
		return
	}
	if deadline, found := a.invocations.forsake(); found {
		_ = a.flushFor(deadline) // counted and logged where it fails
	}
}

// nextWorks takes note that next brought an event. Only an extension registered for INVOKE gets any.
func (a *Agent) nextWorks() {
	if a.state.change(detached, classic) {
		a.log.sayRarely(info, "agent: next event works again")
	}
}

// invoked deals with an INVOKE event: it returns when the invocation has ended and has been flushed, or does not need
// to be held.
func (a *Agent) invoked(event extensionsapi.Event) {
	a.counters.invocations.Add(1)
	inv := a.invocations.invoke(event.RequestID, event.Deadline)
	switch {
	case !a.state.load().loopFlushes():
		return
	case !a.attached.Load():
		// Nobody will tell when the response has been posted. To wait would delay every invocation, so what is
		// pending, from the invocations before, leaves beside this one.
		a.counters.unattached.Add(1)
		a.flights.board(a.settings.budget.flush(time.Now(), event.Deadline))
		return
	}
	// Where next was broken, its End may have flushed already.
	if a.awaitBegin(inv) && a.awaitEnd(inv) && !a.invocations.isSpent(inv.id) {
		inTime := event.Deadline.IsZero() || time.Now().Before(event.Deadline)
		_ = a.settle(event.Deadline, inTime) // counted and logged where it fails
	}
}

// awaitBegin waits for the handler of inv to begin, or to have ended already, and reports whether its end is worth
// waiting for. When the grace is over, what is pending is flushed, and unless the handler has begun meanwhile, inv is
// let go.
func (a *Agent) awaitBegin(inv *invocation) bool {
	timer := time.NewTimer(a.settings.grace)
	defer timer.Stop()
	select {
	case <-a.draining:
		return false
	case <-inv.begun:
		return true
	case <-inv.ended:
		return true
	case <-timer.C:
	}
	if inv.hasBegun() || inv.hasEnded() { // at the same moment
		return true
	}
	_ = a.flushFor(a.invocations.deadlineOf(inv.id))
	if !a.invocations.release(inv) {
		return true
	}
	a.counters.letGo.Add(1)
	a.log.say(debug, "agent: no handler began, invocation let go", slog.String("requestId", inv.id))
	return false
}

// awaitEnd waits for the end of inv, and reports false when the shutdown comes first: at a timeout the end never comes,
// but SIGTERM does.
func (a *Agent) awaitEnd(inv *invocation) bool {
	select {
	case <-a.draining:
		return false
	case <-inv.ended:
		return !isClosed(a.draining) // the shutdown flushes, and beats this
	}
}
