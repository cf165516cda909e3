package delivery

import (
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// firstBackoff is the mean of the pause before the second attempt at a batch. Each pause is random, from half of its
	// mean to one and a half times it. The mean doubles with each further attempt up to maxBackoff, or maxShutdownPause
	// in a shutdown.
	firstBackoff = 20 * time.Millisecond
	maxBackoff   = time.Second

	// A flush stops retrying if no attempt has made progress for a quarter of its time, and for minRetryTime at least.
	minRetryTime  = 500 * time.Millisecond
	retryFraction = 4

	// shutdownReserve is the time that has to remain for a further attempt of a shutdown.
	shutdownReserve = 5 * time.Millisecond
	// A shutdown pauses for at most a quarter of the remaining time, between these limits.
	pauseFraction    = 4
	minShutdownPause = 5 * time.Millisecond
	maxShutdownPause = 100 * time.Millisecond

	// A shutdown sends a request a second time after half of the time to the deadline, and after minHedgeTime at least.
	hedgeFraction = 2
	minHedgeTime  = 100 * time.Millisecond
	// A request that may not be hedged is given up at that time and repeated, but not before it has taken so many times
	// the usual time to an answer: a slow backend answers the first one.
	lateAnswer = 4

	// retryAfterLimit limits the time for which a Retry-After delays requests.
	retryAfterLimit = 5 * time.Minute

	// callbackTime is how long a flush waits for the callbacks of Config.
	callbackTime = 20 * time.Millisecond

	// senderGrace is how long the engine waits for a Sender or an exporter after its context has ended.
	senderGrace = 100 * time.Millisecond

	// noLimit is the time of a caller without a deadline, and of a batch, if Config.Timeout sets no limit.
	noLimit = 24 * time.Hour
)

var (
	errProbeFailed   = errors.New("the circuit breaker is half-open and its probe failed")
	errNoProgress    = errors.New("no further attempt in this flush")
	errAnswersLost   = errors.New("the answers to two requests were lost, and the backend may have taken both")
	errExportTimeout = errors.New("the export took longer than its timeout")
	errClosed        = errors.New("the exporter is closed")
	errNoReason      = errors.New("the exporter gave no reason")
)

// policy says how a flush deals with a backend that does not take its requests.
type policy int

const (
	// normal is the policy of a flush that expects the backend to be up. A background flush has it, too.
	normal policy = iota
	// probe is the policy of a flush that finds the circuit breaker half-open. One request goes first, with the
	// breaker's timeout. After its answer the policy is normal. If it fails, the flush ends.
	probe
	// shutdown is the policy of a flush that may be the last chance for its items. It lifts every limit but the
	// deadline: Config.Timeout, the probe's timeout and the breaker do not count, nor does a Retry-After that exceeds
	// the remaining time. Retries go on until the deadline, and a request without an answer is hedged.
	shutdown
)

// keepsRetrying reports whether a flush of budget makes another attempt after a pause, if none has made progress for
// the time stalled.
func (p policy) keepsRetrying(stalled, pause, budget time.Duration) bool {
	return p == shutdown || stalled+pause <= max(minRetryTime, budget/retryFraction)
}

// retryIn returns the pause before the next attempt. backoff is the pause that the attempts so far ask for, 0 before
// the first. retryAfter is the pause that the backend asks for, and remaining the time until the deadline. It returns
// false if the time does not suffice.
func (p policy) retryIn(backoff, retryAfter, remaining time.Duration) (time.Duration, bool) {
	if p != shutdown {
		pause := max(backoff, retryAfter)
		return pause, pause < remaining
	}
	if retryAfter >= remaining-shutdownReserve { // it cannot be honored, and there is no later flush
		retryAfter = 0
	}
	if backoff <= 0 {
		return retryAfter, true
	}
	backoff = max(min(backoff, remaining/pauseFraction, maxShutdownPause), minShutdownPause)
	return max(backoff, retryAfter), remaining > shutdownReserve
}

// hedgeAfter returns after which time a request that began remaining before the deadline is sent a second time.
func hedgeAfter(remaining time.Duration) time.Duration {
	return max(remaining/hedgeFraction, minHedgeTime)
}

// backoff is the mean of the last pause between the attempts at one batch. The zero value is the beginning.
type backoff time.Duration

// next returns the backoff after an attempt, and the earliest time of the next one: after half of the mean to one and a
// half times it, or at once if the backend has decided about some items.
func (b backoff) next(a attempt) (backoff, time.Time) {
	if a.permanent() {
		return 0, time.Time{}
	}
	mean := min(max(2*time.Duration(b), firstBackoff), maxBackoff)
	return backoff(mean), time.Now().Add(mean/2 + rand.N(mean)) //nolint:gosec // spreads load; not a secret
}
