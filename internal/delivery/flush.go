package delivery

import (
	"context"
	"fmt"
	"time"
)

// flushState is the state of a flush; see Engine for the transitions.
type flushState int

const (
	waitingForProbe flushState = iota // another signal's flush sends the breaker's probe
	probing                           // one request goes first
	sending                           // all workers take batches
	stopping                          // it has given up; attempts under way end
	ended                             // no worker is left
)

// flush is one export of a signal's items, shared by all callers that ask while it is under way.
//
// Engine.mu guards all fields but those of the first group.
type flush struct {
	ctx         context.Context // ends with the last waiter
	cancel      context.CancelFunc
	began       time.Time
	number      uint64
	probed      chan struct{} // closed when probing or waitingForProbe ends; by advanceLocked
	lastChanced chan struct{} // closed when the policy becomes shutdown; by toShutdownLocked
	done        chan struct{} // closed when the flush has ended and has reported; by its last worker

	state    flushState
	policy   *policy
	timers   []*time.Timer // stopped at the end
	upTo     uint64        // items with a lower number are its task
	workers  int
	waiters  int       // callers, and the background if it waits
	unowned  bool      // the background waits for it: nobody else hears of its errors
	bounded  bool      // deadline counts
	deadline time.Time // the latest of the waiters'
	leftAt   time.Time // time at which the last waiter left; zero: somebody waits

	firstRequest time.Time // zero: none was made
	lastProgress time.Time // last time at which an item was settled, or the backend had asked for a pause
	settled      bool      // a request was accepted or permanently refused
	responded    bool      // a request got a retryable response
	cutShort     bool      // every failed attempt so far ended because its time was over
	gaveUp       bool      // it ended with items left

	err            error // of the last failed attempt, and why there is no other
	partialSuccess error // the backend's remark about a request that it accepted
	dropReason     error // the backend's words about items that it did not take
	hintKey        string
	hint           error
}

func newFlush(number, upTo uint64, deadline time.Time) *flush {
	ctx, cancel := context.WithCancel(context.Background())
	now := time.Now()
	return &flush{
		ctx: ctx, cancel: cancel, began: now, number: number, upTo: upTo,
		probed: make(chan struct{}), lastChanced: make(chan struct{}), done: make(chan struct{}),
		state: sending, policy: normal, waiters: 1, bounded: !deadline.IsZero(), deadline: deadline,
		lastProgress: now, cutShort: true,
	}
}

// joinLocked adds a waiter with a deadline (zero: none). It fails if every waiter has left, since the flush then ends.
func (f *flush) joinLocked(deadline time.Time) bool {
	if f.waiters == 0 {
		return false
	}
	f.waiters++
	f.bounded = f.bounded && !deadline.IsZero()
	if deadline.After(f.deadline) {
		f.deadline = deadline
	}
	return true
}

// leaveLocked removes a waiter. The last one ends the flush.
func (f *flush) leaveLocked() {
	f.waiters--
	if f.waiters == 0 {
		f.leftAt = time.Now()
		f.cancel()
	}
}

// disownLocked makes the background leave a flush that callers wait for.
func (f *flush) disownLocked() {
	if f.unowned {
		f.unowned = false
		f.leaveLocked()
	}
}

// extendLocked makes items with a lower number than upTo the task of the flush.
func (f *flush) extendLocked(upTo uint64) { f.upTo = max(f.upTo, upTo) }

// activeLocked reports whether workers may take batches.
func (f *flush) activeLocked() bool {
	return f.state < stopping && f.ctx.Err() == nil
}

// advanceLocked ends the states probing and waitingForProbe.
func (f *flush) advanceLocked(to flushState) {
	if f.state == waitingForProbe || f.state == probing {
		f.state = to
		close(f.probed)
	}
}

// toShutdownLocked gives the flush the shutdown policy until deadline (zero: as it was). A flush that has given up
// tries again.
func (f *flush) toShutdownLocked(deadline time.Time) {
	if f.policy == shutdown || f.state == ended {
		return
	}
	f.policy = shutdown
	f.advanceLocked(sending)
	f.state = sending
	if !deadline.IsZero() {
		f.bounded, f.deadline = true, deadline
	}
	close(f.lastChanced)
}

// giveUpLocked lets no further attempt begin. why says why, if no attempt has failed.
func (f *flush) giveUpLocked(why error) {
	switch {
	case f.state == stopping:
	case f.err == nil:
		f.err = why
	default:
		f.err = fmt.Errorf("%w; %w", f.err, why)
	}
	f.advanceLocked(stopping)
	f.state = stopping
}

// budgetLocked returns the time that the flush has in all, at most limit (0: no limit); 0: no end.
func (f *flush) budgetLocked(limit time.Duration) time.Duration {
	if !f.bounded {
		return limit
	}
	if d := f.deadline.Sub(f.began); limit <= 0 || d < limit {
		return d
	}
	return limit
}

// isClosed reports whether c, on which nothing is sent, is closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
