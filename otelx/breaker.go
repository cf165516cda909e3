package otelx

import (
	"fmt"
	"time"
)

const (
	// firstPause is for how long no request passes after the second failure in a row; the pause is four times as long
	// after each further one, up to maxPause.
	firstPause = 100 * time.Millisecond
	maxPause   = time.Minute
	// minLook is how long a probe waits for an answer at least, and maxUsualLook how long a look is at most that goes by
	// what the backend usually takes.
	minLook      = 100 * time.Millisecond
	maxUsualLook = time.Second
	// warmLook is how long a request to a backend that is known to answer waits at least.
	warmLook = time.Second
	// widerLookEvery is of how many probes one waits as long as the first did, where the backend has never answered: it may
	// be up, and far away, so that a new TLS connection alone takes more than a short look.
	widerLookEvery = 5
	// longLookEvery is of how many probes one has all the time of its caller, for a backend that has become slow.
	longLookEvery = 24
)

// BreakerState is what a flush makes of the backend. The zero value is BreakerClosed.
type BreakerState int

const (
	// BreakerClosed means that as far as is known the backend deals with requests.
	BreakerClosed BreakerState = iota
	// BreakerOpen means that the backend is down. Until a pause is over, flushes fail at once and keep their spans.
	BreakerOpen
	// BreakerHalfOpen means that the backend was down. The flush under way, or else the next, begins with a single
	// request; once that is dealt with, the rest follows.
	BreakerHalfOpen
)

// String returns "closed", "open" or "half-open".
func (s BreakerState) String() string {
	switch s {
	case BreakerClosed:
		return "closed"
	case BreakerOpen:
		return "open"
	case BreakerHalfOpen:
		return "half-open"
	}
	return fmt.Sprintf("BreakerState(%d)", int(s))
}

// breaker keeps flushes from waiting for a backend that is down. It is closed while the backend deals with requests; a
// flush of which no request was dealt with opens it. The flush after that probes at once: a single request, not
// repeated, with a short look. From the second failure in a row on there are pauses in which no request is made. A
// probe that the backend deals with closes it.
//
// A probe waits four times as long as the backend usually takes, since it begins with a new connection, so that the
// first one after the recovery finds it. If the backend has never answered nobody knows how long to wait: most probes
// then take 100 ms, and some longer. Where a look shorter than its caller's time was in vain, the first probe has all of
// that time: the backend may have become slow, and each look that is too short gets it the same spans again.
//
// What it costs to flush at each of 1,000 invocations while a backend that has never answered hangs, with the 2 s that
// the agent gives a flush: the first has all of them, since nothing else tells a hang from slowness. The probes look
// 500, 250 and 125 ms and then 100, each fifth of them 500, after pauses of 0, 0.1, 0.4, 1.6, 6.4, 25.6 and then 60 s.
// That makes 5 probes with invocations 10 ms apart, 7 with 100 ms, 22 with 1 s: after the first look 1.5, 1.7 and 4.4 ms an
// invocation. A backend that has answered before costs the first 1 s instead of 2, and 4.2 ms at most after that; one
// that refuses half a second at most, and its probes a round trip each.
//
// The pauses have no jitter: what opens the breakers of a thousand environments is their invocations, and those are not
// in step. The zero value is closed. It does not lock.
type breaker struct {
	failures int           // in a row; 0: closed
	failed   time.Time     // the last of them
	pause    time.Duration // from failed on, in which no request is made
	cause    error         // of the last failure
	first    time.Duration // how long the first probe looked, if open
	glance   time.Duration // how long probes look now, but for the wider ones
	hasty    bool          // the first failure was a look in vain, for less than its caller's time
	silence  time.Duration // how long flushes too short to tell have waited, since the last answer or failure
	known    bool          // the backend has answered
	longest  time.Duration // that it took; fades as it takes less
	usual    time.Duration // that it took lately
}

// open reports whether the next request is a probe.
func (b *breaker) open() bool { return b.failures > 0 }

// wait returns for how long no request may be made; 0: one may.
func (b *breaker) wait(now time.Time) time.Duration {
	if !b.open() {
		return 0
	}
	return left(b.failed.Add(b.pause), now)
}

// look returns how long the next request may take, of a caller who has budget in all (0: no limit); 0: as long as the
// caller has.
func (b *breaker) look(budget time.Duration) time.Duration {
	switch {
	case b.open() && (b.failures%longLookEvery == 0 || b.hasty), !b.open() && !b.known, !b.open() && budget <= 0:
		return 0
	case b.open() && !b.known && b.failures%widerLookEvery == 0:
		return max(b.first, b.glance)
	case b.open():
		return b.glance
	}
	return max(warmLook, 4*b.longest, budget/4)
}

// answered notes that the backend has dealt with a request in took: taken the spans or refused them for good.
func (b *breaker) answered(took time.Duration) {
	usual := took
	if b.known {
		usual = b.usual + (took-b.usual)/8
	}
	*b = breaker{known: true, longest: max(took, b.longest-b.longest/1024), usual: usual}
}

// refused notes a flush with budget whose requests have all failed, at least one of them before its time was up.
func (b *breaker) refused(now time.Time, budget time.Duration, cause error) {
	b.hasty = false
	switch b.failures {
	case 0:
		b.pause = 0
		b.first = max(budget/4, 2*b.longest, minLook)
		b.glance = b.first
	case 1:
		b.pause = firstPause
	default:
		b.pause = min(4*b.pause, maxPause)
	}
	if b.open() {
		b.glance = max(b.glance/2, minLook, min(4*b.usual, maxUsualLook))
	}
	b.failures++
	b.failed, b.cause, b.silence = now, cause, 0
}

// unanswered notes a flush with budget that has waited for that long and got no answer at all. A flush of a few
// milliseconds proves nothing: several have to wait as long as a look, together.
func (b *breaker) unanswered(now time.Time, waited, budget time.Duration, cause error) {
	look := b.look(budget)
	hasty := !b.open() && 0 < look && look < budget
	if b.silence += waited; b.silence >= b.proof(budget) {
		b.refused(now, budget, cause)
		b.hasty = hasty
	}
}

// proof returns how long flushes with budget have to wait together for their silence to be a failure. The greater part
// of a flush is enough, if the backend has never taken longer to answer.
func (b *breaker) proof(budget time.Duration) time.Duration {
	enough := 2 * b.longest
	if b.open() {
		enough = b.glance
	}
	if budget > 0 {
		enough = min(enough, max(b.longest, budget/4*3))
	}
	return max(enough, minLook)
}

// downError is why a flush made no request.
func (b *breaker) downError(wait time.Duration) error {
	return fmt.Errorf("the backend is down, not tried for another %s; last failure: %w",
		wait.Round(time.Millisecond), b.cause)
}
