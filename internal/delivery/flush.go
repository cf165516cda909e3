package delivery

import (
	"context"
	"fmt"
	"time"
)

// flushState is the state of a flush; see Engine for the transitions.
type flushState int

const (
	probing  flushState = iota // one request goes first
	sending                    // all workers take batches
	stopping                   // it has given up; attempts under way end
	ended                      // no worker is left
)

// flush is one export of a signal's items, shared by all callers that ask while it is under way.
//
// Engine.mu guards all fields but those of the first group.
type flush struct {
	ctx    context.Context // ends when nothing waits for the flush any more
	cancel context.CancelFunc
	began  time.Time
	number uint64
	done   chan struct{} // closed when the flush has ended and has reported; by its last worker

	state   flushState
	policy  *policy
	changed chan struct{} // closed and replaced when state or policy changes; by becomeLocked
	upTo    uint64        // items with a lower number are its task
	workers int
	// exhausted are batches that it may not send again, because their answers were lost twice. They are put back at its end.
	exhausted []*batch

	callers    int       // that wait for it
	background bool      // the background waits for it, and its errors go to Config.OnError
	held       bool      // it goes on until the exit deadline
	deadline   time.Time // the latest of all that have waited; see stream.deadlineLocked
	leftAt     time.Time // time at which the last of them left; zero: at least one waits

	firstRequest time.Time     // zero: none was made
	failing      time.Duration // time that a custom exporter has taken for batches that it has failed
	lastProgress time.Time     // last time at which a request was decided about, or the backend had asked for a pause
	decided      bool          // a request was accepted or permanently refused
	responded    bool          // a request got a retryable response
	cutShort     bool          // every failed attempt so far ended because its time was over

	err            error // of the last failed attempt
	why            error // why it makes no further attempt
	partialSuccess error // the backend's message about a request that it accepted
	dropReason     error // the backend's message about items that it did not take
	hintKey        string
	hint           error
	exports        []Export // for Config.OnExport
}

// newFlush returns a flush of the items with a number below upTo. Nothing waits for it yet.
func newFlush(number, upTo uint64) *flush {
	ctx, cancel := context.WithCancel(context.Background())
	now := time.Now()
	return &flush{
		ctx: ctx, cancel: cancel, began: now, number: number, done: make(chan struct{}),
		state: sending, policy: normal, changed: make(chan struct{}), upTo: upTo, lastProgress: now, cutShort: true,
	}
}

// becomeLocked changes the state and the policy, and wakes the workers that wait.
func (f *flush) becomeLocked(state flushState, p *policy) {
	if f.state == state && f.policy == p {
		return
	}
	f.state, f.policy = state, p
	close(f.changed)
	f.changed = make(chan struct{})
}

// joinLocked adds a caller with a deadline.
func (f *flush) joinLocked(deadline time.Time) {
	f.callers++
	if deadline.After(f.deadline) {
		f.deadline = deadline
	}
}

// leaveLocked removes a caller.
func (f *flush) leaveLocked() {
	f.callers--
	f.endIfUnwantedLocked()
}

// leaveBackgroundLocked makes it a flush of its callers alone.
func (f *flush) leaveBackgroundLocked() {
	f.background = false
	f.endIfUnwantedLocked()
}

// endIfUnwantedLocked ends the flush if nothing waits for it any more.
func (f *flush) endIfUnwantedLocked() {
	if f.callers == 0 && !f.background && !f.held && f.leftAt.IsZero() {
		f.leftAt = time.Now()
		f.cancel()
	}
}

// taskLocked is what its workers take.
func (f *flush) taskLocked() task { return task{upTo: f.upTo, flush: f.number} }

// activeLocked reports whether workers may take batches.
func (f *flush) activeLocked() bool { return f.state < stopping && f.ctx.Err() == nil }

// toShutdownLocked gives the flush the shutdown policy. A flush that has given up tries again.
func (f *flush) toShutdownLocked() {
	if f.state != ended && f.policy != shutdown {
		f.why = nil
		f.becomeLocked(sending, shutdown)
	}
}

// toNormalLocked takes the shutdown policy back.
func (f *flush) toNormalLocked() {
	if f.policy == shutdown {
		f.becomeLocked(f.state, normal)
	}
}

// giveUpLocked lets no further attempt begin, for a reason that counts under the policy p. If the last chance has come
// since, the flush goes on.
func (f *flush) giveUpLocked(p *policy, why error) {
	if f.policy.lastChance && !p.lastChance {
		return
	}
	if f.state != stopping {
		f.why = why
	}
	f.becomeLocked(stopping, f.policy)
}

// failureLocked returns why items are left: why no attempt follows, and the last failure.
func (f *flush) failureLocked() error {
	switch {
	case f.err == nil:
		return f.why
	case f.why == nil:
		return fmt.Errorf("last failure: %w", f.err)
	}
	return fmt.Errorf("%w; last failure: %w", f.why, f.err)
}
