package delivery

import (
	"errors"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/internal/breaker"
)

// recordOutcomeLocked records the outcome of an ended flush in the breaker or the hold.
func (s *stream) recordOutcomeLocked(f *flush) {
	e := s.engine
	if f.decided || f.firstRequest.IsZero() || !e.limits.Breaker {
		return
	}
	now := f.leftAt // the process may have been frozen since
	if now.IsZero() {
		now = time.Now()
	}
	b := &s.hold
	if !f.responded && !e.otherAnsweredLocked(s, f.began) {
		b = &e.breaker
		known := !s.unanswered && b.State(now) != breaker.Closed
		s.unanswered = true
		if known { // the outage is not new, only to this signal
			return
		}
	}
	if f.responded || !f.cutShort {
		b.Failure(f.began, now, f.err)
		return
	}
	b.Unanswered(f.firstRequest, now, s.enoughSilence(b, s.budgetLocked(f)), f.err)
}

// enoughSilence returns how long flushes of budget wait in all before the missing answer is a failure of the backend.
func (s *stream) enoughSilence(b *breaker.Breaker, budget time.Duration) time.Duration {
	return min(b.ProbeTimeout(s.engine.usual, 0), budget/4*3)
}

// waitLocked returns for how long no request may be sent: the breaker or the hold is open, or Retry-After has not
// passed.
func (s *stream) waitLocked() time.Duration {
	now := time.Now()
	return max(s.breakerWaitLocked(now), s.hold.Wait(now), breaker.Remaining(s.retryAfter.until, now))
}

// breakerWaitLocked returns for how long the origin's breaker holds this signal; 0 if this signal has not failed itself.
// The outage may be one of another signal's path. So this signal first sends one probe of its own.
func (s *stream) breakerWaitLocked(now time.Time) time.Duration {
	if !s.unanswered {
		return 0
	}
	return s.engine.breaker.Wait(now)
}

// refusalLocked returns why no flush may begin now; nil if one may.
func (s *stream) refusalLocked() error {
	now := time.Now()
	switch {
	case s.noFlushes:
		return errClosed
	case s.lastChanceLocked():
		return nil
	case s.breakerWaitLocked(now) > 0:
		return openError("circuit breaker", s.breakerWaitLocked(now), s.engine.breaker.Cause())
	case s.hold.Wait(now) > 0:
		return openError("hold on "+string(s.config.Signal), s.hold.Wait(now), s.hold.Cause())
	}
	return nil
}

var errClosed = errors.New("the exporter is closed")

func openError(what string, wait time.Duration, cause error) error {
	return fmt.Errorf("the backend is down (%s open for another %s); last failure: %w", what, wait.Round(time.Millisecond), cause)
}

// stateLocked returns the state of the breaker or of the hold, whichever is further from closed. A flush that probes
// counts as half-open.
func (s *stream) stateLocked() breaker.State {
	now := time.Now()
	states := [...]breaker.State{s.engine.breaker.State(now), s.hold.State(now)}
	switch {
	case states == [2]breaker.State{}:
		return breaker.Closed
	case s.flush == nil && (states[0] == breaker.Open || states[1] == breaker.Open || breaker.Remaining(s.retryAfter.until, now) > 0):
		return breaker.Open
	}
	return breaker.HalfOpen
}
