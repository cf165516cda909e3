package delivery

import (
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// firstBackoff is the mean pause before the second attempt at a batch, which takes 10 to 30 ms. It doubles with each
	// further attempt, up to the policy's maxBackoff.
	firstBackoff = 20 * time.Millisecond

	// A flush stops retrying if no attempt has made progress for a quarter of its time, and for minRetryTime at least.
	minRetryTime  = 500 * time.Millisecond
	retryFraction = 4

	// shutdownReserve is the time that has to remain for a further attempt of a shutdown.
	shutdownReserve = 5 * time.Millisecond
	// minShutdownPause keeps the attempts of a shutdown from following each other without a pause.
	minShutdownPause = 5 * time.Millisecond
	// A shutdown pauses for at most a quarter of the remaining time.
	pauseFraction = 4

	// A shutdown sends a request a second time after half of the time to the deadline, and after minHedgeTime at least.
	hedgeFraction = 2
	minHedgeTime  = 100 * time.Millisecond

	// retryAfterLimit limits the time for which a Retry-After delays requests.
	retryAfterLimit = 5 * time.Minute

	// callbackTime is how long a flush waits for the callbacks of Config.
	callbackTime = 20 * time.Millisecond

	// senderGrace is how long the engine waits for a Sender or an exporter after its context has ended.
	senderGrace = 100 * time.Millisecond
)

var (
	errProbeFailed   = errors.New("the circuit breaker is half-open and its probe failed")
	errNoProgress    = errors.New("no further attempt in this flush")
	errAnswersLost   = errors.New("the answers to two requests were lost, and the backend may have taken both")
	errExportTimeout = errors.New("the export took longer than its timeout")
)

// policy says how a flush deals with a backend that does not take its requests. The three policies are values; only
// flush.becomeLocked gives a flush another one. A background flush has the normal policy. Only the reader of its errors
// differs: flush.background says that they go to Config.OnError.
type policy struct {
	// probes gives a request the breaker's probe timeout, and ends the flush if it fails.
	probes bool
	// lastChance lifts every limit but the deadline: Config.Timeout, the probe timeout, the breaker and the holds do not
	// count, nor does a Retry-After that exceeds the remaining time. Retries go on until the deadline, and a request
	// without an answer is hedged.
	lastChance bool
	// maxBackoff is the longest mean pause between two attempts. A probe has no second one.
	maxBackoff time.Duration
}

var (
	// normal is the policy of a flush that expects the backend to be up.
	normal = &policy{maxBackoff: time.Second}
	// probe is the policy of a flush that finds the breaker or its hold half-open. After the answer to its request the
	// flush goes on with the normal policy.
	probe = &policy{probes: true}
	// shutdown is the policy of a flush that is the last chance for its items.
	shutdown = &policy{lastChance: true, maxBackoff: 100 * time.Millisecond}
)

// keepsRetrying reports whether a flush of budget makes another attempt after a pause, if none has made progress for the
// time stalled.
func (p *policy) keepsRetrying(stalled, pause, budget time.Duration) bool {
	return p.lastChance || stalled+pause <= max(minRetryTime, budget/retryFraction)
}

// retryIn returns the pause before the next attempt. backoff is the pause that the attempts so far ask for, 0 before the
// first. retryAfter is the pause that the backend asks for, and remaining the time until the deadline. It returns false if
// the time does not suffice.
func (p *policy) retryIn(backoff, retryAfter, remaining time.Duration) (time.Duration, bool) {
	if !p.lastChance {
		wait := max(backoff, retryAfter)
		return wait, wait < remaining
	}
	if retryAfter >= remaining-shutdownReserve { // it cannot be honored, and there is no later flush
		retryAfter = 0
	}
	if backoff <= 0 {
		return retryAfter, true
	}
	backoff = max(min(backoff, remaining/pauseFraction, p.maxBackoff), minShutdownPause)
	return max(backoff, retryAfter), remaining > shutdownReserve
}

// hedgeAfter returns after which time a request that began remaining before the deadline is sent a second time.
func hedgeAfter(remaining time.Duration) time.Duration {
	return max(remaining/hedgeFraction, minHedgeTime)
}

// backoff is the series of pauses between the attempts at one batch. The zero value is its beginning.
type backoff struct{ mean time.Duration }

// next returns the next pause: half of the mean to one and a half times it.
func (b *backoff) next(longest time.Duration) time.Duration {
	mean := min(max(b.mean, firstBackoff), longest)
	b.mean = 2 * mean
	return mean/2 + rand.N(mean) //nolint:gosec // spreads load; not a secret
}
