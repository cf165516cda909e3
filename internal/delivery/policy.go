package delivery

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// firstBackoff is the mean pause before the second attempt at a batch. It doubles with each further attempt, up to
	// the policy's maxBackoff.
	firstBackoff = 20 * time.Millisecond

	// minRetry is for how long a flush retries at least if no attempt makes progress; retryShare is the part of its
	// time, if that is more.
	minRetry   = 500 * time.Millisecond
	retryShare = 4

	// shutdownReserve is the time that has to remain for a further attempt of a shutdown.
	shutdownReserve = 5 * time.Millisecond
	// minShutdownPause keeps the attempts of a shutdown from following each other without a pause.
	minShutdownPause = 5 * time.Millisecond
	// pauseShare is the part of the remaining time that a shutdown pauses for at most.
	pauseShare = 4

	// hedgeShare is the part of the time from the first request to the deadline after which a shutdown sends a second
	// one; minHedge is the shortest such time.
	hedgeShare = 2
	minHedge   = 100 * time.Millisecond

	// maxRetryAfter limits the time for which Retry-After is honoured.
	maxRetryAfter = 5 * time.Minute

	// returnGrace is how long the engine waits for a Sender after its context has ended.
	returnGrace = 100 * time.Millisecond

	// instantFailure is how long an attempt takes at most that costs the function nothing. The failures of a custom
	// exporter that fails so soon do not open the breaker, and a flush goes on with the next batch until its failures
	// have taken so long.
	instantFailure = 5 * time.Millisecond

	// fairTrial is how long a call of a custom exporter must have lasted to count against its batch if it was ended by its
	// context.
	fairTrial = returnGrace

	// maxFailedFlushes is in how many flushes a batch of a custom exporter fails before it is dropped, if other batches
	// were delivered in between.
	maxFailedFlushes = 3
)

var (
	errProbeFailed = errors.New("the circuit breaker is half-open and its probe failed")
	errNoProgress  = errors.New("no further attempt in this flush")
)

// policy says how a flush deals with a backend that does not take its requests. The four policies are values; only the
// holder of Engine.mu gives a flush another one.
type policy struct {
	name string
	// singleAttempt ends the flush at the first attempt that fails.
	singleAttempt bool
	// lastChance lifts every limit but the deadline: attempts last until then, retries go on until then, and the
	// breaker, holds and a Retry-After that is too long do not count.
	lastChance bool
	// hedge sends a request that gets no answer a second time.
	hedge bool
	// maxBackoff is the longest mean pause between two attempts.
	maxBackoff time.Duration
}

var (
	// normal is the policy of a flush that a caller waits for.
	normal = &policy{name: "normal", maxBackoff: time.Second}
	// background is the policy of a flush without a caller: its errors go to Config.OnError.
	background = &policy{name: "background", maxBackoff: time.Second}
	// probe is the policy of a flush that finds the breaker or its hold half-open. After the answer to its request the
	// flush goes on with the normal or the background policy.
	probe = &policy{name: "probe", singleAttempt: true, maxBackoff: time.Second}
	// shutdown is the policy of a flush that is the last chance for its items.
	shutdown = &policy{name: "shutdown", lastChance: true, hedge: true, maxBackoff: 100 * time.Millisecond}
)

// keepsRetrying reports whether a flush of budget (0: without limit) makes another attempt after a pause, if none has
// made progress for the time stalled.
func (p *policy) keepsRetrying(stalled, pause, budget time.Duration) bool {
	return p.lastChance || budget <= 0 || stalled+pause <= max(minRetry, budget/retryShare)
}

// retryIn returns the pause before the next attempt. backoff is the pause that the attempts so far ask for, retryAfter
// the one that the backend asks for, and remaining the time until the deadline if there is one.
func (p *policy) retryIn(backoff, retryAfter, remaining time.Duration, bounded bool) (time.Duration, error) {
	wait := max(backoff, retryAfter)
	switch {
	case !bounded || wait < remaining && !p.lastChance:
		return wait, nil
	case p.lastChance && remaining > shutdownReserve:
		if retryAfter >= remaining { // it cannot be honoured, and there is no later flush
			retryAfter = 0
		}
		return max(min(backoff, remaining/pauseShare, p.maxBackoff), retryAfter, minShutdownPause), nil
	}
	return 0, fmt.Errorf("no time for another attempt in %s", wait.Round(time.Millisecond))
}

// hedgeAfter returns after which time a request that began remaining before the deadline is sent a second time.
func (p *policy) hedgeAfter(remaining time.Duration) time.Duration {
	return max(remaining/hedgeShare, minHedge)
}

// backoff is the series of pauses between the attempts at one batch. The zero value is its beginning.
type backoff struct{ mean time.Duration }

// next returns the next pause: half of the mean to one and a half times it.
func (b *backoff) next(longest time.Duration) time.Duration {
	mean := min(max(b.mean, firstBackoff), longest)
	b.mean = 2 * mean
	return mean/2 + rand.N(mean) //nolint:gosec // spreads load; not a secret
}
