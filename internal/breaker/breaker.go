// Package breaker is a circuit breaker for a backend that telemetry is sent to.
//
//	           Failure                    Wait() == 0
//	Closed ───────────────▶ Open ─────────────────────▶ HalfOpen
//	   ▲                      ▲                            │ │
//	   │                      └────────── Failure ─────────┘ │
//	   └────────────────────────── Success ──────────────────┘
//
// A failure is a whole flush that delivered nothing, not a single request. After the first failure the breaker is
// half-open at once: the next flush sends one probe request. After failure k (k ≥ 2) it stays open for
// 100 ms × 4^(k−2), at most one minute.
//
// The breaker counts elapsed time by the wall clock or the monotonic clock, whichever says more: the time in which a
// Lambda environment is frozen counts, and depending on the hypervisor only one of Go's clocks shows it.
//
// The schedule has no jitter. Invocations of a function trigger the flushes of its environments, and those are not in
// step.
package breaker

import (
	"fmt"
	"time"
)

const (
	// firstOpen is how long the breaker stays open after the second failure in a row. Each further failure multiplies
	// it by openFactor, up to maxOpen.
	firstOpen  = 100 * time.Millisecond
	openFactor = 4
	maxOpen    = time.Minute

	// A probe waits for probeFactor times the usual answer time, between minProbe and maxProbe: it begins with a new
	// connection.
	probeFactor = 4
	minProbe    = 100 * time.Millisecond
	maxProbe    = time.Second

	// Every longProbe-th probe waits for a quarter of the flush's time, and every fullProbe-th for all of it, so that a
	// backend that has become slower than the usual probe timeout is found again.
	longProbe = 8
	fullProbe = 24
)

// State is the state of a Breaker. The zero value is Closed.
type State int

const (
	// Closed means that requests are sent.
	Closed State = iota
	// Open means that no request is sent.
	Open
	// HalfOpen means that the next flush sends one probe request, and all others if that is answered.
	HalfOpen
)

// String returns "closed", "open" or "half-open".
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case HalfOpen:
		return "half-open"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// Breaker is a circuit breaker. The zero value is closed. The caller provides the locking.
type Breaker struct {
	failures   int           // in a row
	failedAt   time.Time     // time of the last failure
	open       time.Duration // how long the breaker stays open after failedAt
	unanswered time.Duration // time spent in flushes that were too short to tell
	cause      error         // of the last failure
}

// State returns the state at the time now.
func (b *Breaker) State(now time.Time) State {
	switch {
	case b.failures == 0:
		return Closed
	case b.Wait(now) > 0:
		return Open
	}
	return HalfOpen
}

// Wait returns for how long the breaker stays open; 0 if it is closed or half-open.
func (b *Breaker) Wait(now time.Time) time.Duration {
	if b.failures == 0 {
		return 0
	}
	return Remaining(b.failedAt.Add(b.open), now)
}

// Cause returns the cause of the last failure; nil if the breaker is closed.
func (b *Breaker) Cause() error { return b.cause }

// Success closes the breaker.
func (b *Breaker) Success() { *b = Breaker{} }

// Failure records that a flush which ended at the time now has delivered nothing because of cause, and opens the
// breaker.
func (b *Breaker) Failure(now time.Time, cause error) {
	b.failures++
	switch b.failures {
	case 1:
		b.open = 0
	case 2:
		b.open = firstOpen
	default:
		b.open = min(openFactor*b.open, maxOpen)
	}
	b.failedAt, b.cause, b.unanswered = now, cause, 0
}

// Unanswered records that a flush which ended at the time now has waited for an answer and got none. A flush that is
// shorter than a probe proves nothing, so such flushes are added up: together they become a failure if they have waited
// for enough, which is at least a probe's shortest timeout.
func (b *Breaker) Unanswered(now time.Time, waited, enough time.Duration, cause error) {
	b.unanswered += waited
	if b.unanswered >= max(enough, minProbe) {
		b.Failure(now, cause)
	}
}

// ProbeTimeout returns the timeout of the next probe request. The backend usually answers within usual (0: it has never
// answered); the flush lasts for budget (0: without limit).
func (b *Breaker) ProbeTimeout(usual, budget time.Duration) time.Duration {
	timeout := min(max(probeFactor*usual, minProbe), maxProbe)
	switch {
	case budget <= 0:
		return timeout
	case b.failures > 0 && b.failures%fullProbe == 0:
		return budget
	case b.failures > 0 && b.failures%longProbe == 0:
		return max(timeout, budget/4)
	}
	return timeout
}

// Remaining returns the time from now until t, 0 if t has passed by the wall clock or by the monotonic clock.
func Remaining(t, now time.Time) time.Duration {
	return max(0, min(t.Sub(now), t.Round(0).Sub(now.Round(0))))
}
