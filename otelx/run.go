package otelx

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// graceToReturn is how long after its context has ended an exporter is waited for.
const graceToReturn = 100 * time.Millisecond

var errDeaf = errors.New("the exporter has not returned from a call that was cancelled")

// run is one export of everything that was accepted before its start. It goes on while somebody is interested: callers
// of a flush, or the background on its own account. When the last has left, its context ends.
type run struct {
	number uint64 // counted from 1
	ctx    context.Context
	cancel context.CancelFunc
	began  time.Time
	probe  bool          // one request goes ahead alone, to see whether the backend is up again
	done   chan struct{} // closed at the end

	// proceeds is closed when a probe's run goes on at full width or is over, final when a shutdown waits for the run:
	// then it goes on for as long as its callers wait, whatever is known of the backend. r.mu guards the closing.
	proceeds, final chan struct{}

	mu         sync.Mutex
	target     uint64    // spans with a lower number are its task
	workers    int       // that deliver them; none comes once the last has gone
	interested int       // the background included
	background bool      // the background is among them; the loop's lock guards it too
	bounded    bool      // deadline holds
	deadline   time.Time // the latest of those interested
	failed     bool      // a worker has given up; nobody begins anything new
	err        error     // why the last attempt failed, and why there is no other
	remark     error     // what the backend said about a request that it accepted
	loss       error     // what was said when spans were lost
	hint       *userHint // the first that an attempt had; nil: none had
	tried      time.Time // the first request; zero: none was made
	hopeful    time.Time // since when all attempts have failed, but for time in which the backend wanted none
	answered   bool      // the backend has dealt with a request
	rebuffed   bool      // a request has failed before its time was up
	left       time.Time // when the last of those interested left; zero: not yet
}

// newRun makes a run with one worker and one interested party, who waits until deadline (zero: without end).
func newRun(number, target uint64, deadline time.Time) *run {
	ctx, cancel := context.WithCancel(context.Background())
	now := time.Now()
	return &run{
		number: number, target: target, workers: 1, ctx: ctx, cancel: cancel, began: now, done: make(chan struct{}),
		proceeds: make(chan struct{}), final: make(chan struct{}),
		interested: 1, bounded: !deadline.IsZero(), deadline: deadline, hopeful: now,
	}
}

// task returns the number below which spans are its task.
func (r *run) task() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.target
}

// widen makes spans with a lower number than target its task as well.
func (r *run) widen(target uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target = max(r.target, target)
}

// hire counts in as many of n workers more as there may be, with most in all, and returns how many.
func (r *run) hire(n, most int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.workers == 0 {
		return 0
	}
	n = max(min(n, most-r.workers), 0)
	r.workers += n
	return n
}

// retire counts a worker out, and reports whether it was the last.
func (r *run) retire() (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.workers--
	return r.workers == 0
}

// join makes a caller who waits until deadline (zero: without end) interested. A run that everybody has left can not be
// joined any more. With takeOver, the background's interest ends.
func (r *run) join(deadline time.Time, takeOver bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.interested == 0 {
		return false
	}
	r.interested++
	r.bounded = r.bounded && !deadline.IsZero()
	if deadline.After(r.deadline) {
		r.deadline = deadline
	}
	if r.background && takeOver {
		r.background = false
		r.interested--
	}
	return true
}

// leave takes back a join; the last to leave ends the run.
func (r *run) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.interested--
	if r.interested == 0 {
		r.left = time.Now()
		r.cancel()
	}
}

// until returns when the time of those interested is up; zero: never.
func (r *run) until() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.bounded {
		return time.Time{}
	}
	return r.deadline
}

// budget returns how long those interested wait in all, and not longer than limit (0: no limit); 0: without end.
func (r *run) budget(limit time.Duration) time.Duration {
	until := r.until()
	if until.IsZero() {
		return limit
	}
	if d := until.Sub(r.began); limit <= 0 || d < limit {
		return d
	}
	return limit
}

// makeFinal lifts all limits on attempts but the time of those interested, which is now until deadline (zero: as it
// was): whoever wanted to wait for longer will not have that time. What a worker has given up is tried again,
// though another may still wait for an answer: there may be no run after this one.
func (r *run) makeFinal(deadline time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !isClosed(r.final) {
		r.failed = false
		if !deadline.IsZero() {
			r.bounded, r.deadline = true, deadline
		}
	}
	closeOnce(r.final)
	closeOnce(r.proceeds)
}

func (r *run) isFinal() bool { return isClosed(r.final) }

// proceed lets a probe's run go on at full width, or end.
func (r *run) proceed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	closeOnce(r.proceeds)
}

// probing reports whether it is still to be seen that the backend is up again.
func (r *run) probing() bool { return r.probe && !isClosed(r.proceeds) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// closeOnce needs a lock around all closing of c.
func closeOnce(c chan struct{}) {
	if !isClosed(c) {
		close(c)
	}
}

// requested keeps what a request tells about the backend. It began at begun, and late says that its time was up.
func (r *run) requested(o outcome, begun time.Time, late bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tried.IsZero() || begun.Before(r.tried) {
		r.tried = begun
	}
	if o.final() {
		r.answered, r.hopeful = true, time.Now()
		closeOnce(r.proceeds)
		return
	}
	r.rebuffed = r.rebuffed || !late
}

// obeyed notes that there was no attempt because the backend wanted none.
func (r *run) obeyed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hopeful = time.Now()
}

// persists reports whether attempts in vain go on for another wait: for a quarter of budget (0: without end), or half
// a second if that is more.
func (r *run) persists(wait, budget time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return budget <= 0 || time.Since(r.hopeful)+wait <= max(minPersistence, budget/4)
}

// note keeps what an attempt said.
func (r *run) note(o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hint == nil {
		r.hint = o.hint
	}
	switch {
	case o.err == nil || o.verdict == keep: // the worker gives up, with the error
	case o.verdict == retry:
		r.err = o.err
	default:
		if o.verdict == accepted {
			r.remark = o.err
		}
		if o.verdict != accepted || o.rejected > 0 {
			r.loss = o.err
		}
	}
}

// giveUp makes the run end, when what is under way has ended. why says why there is no further attempt.
func (r *run) giveUp(why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.failed:
	case r.err == nil:
		r.err = why
	default:
		r.err = fmt.Errorf("%w; %w", r.err, why)
	}
	r.failed = true
}

// over reports whether nothing new may begin.
func (r *run) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed || r.ctx.Err() != nil
}

// failure returns why the last attempt failed; nil while none has.
func (r *run) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// gaveUp reports whether something was left undone.
func (r *run) gaveUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// said returns what the backend said about requests it accepted, and about spans lost.
func (r *run) said() (remark, loss error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.remark, r.loss
}

// learned returns what the user has to know; nil: nothing.
func (r *run) userHint() *userHint {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hint
}

// wait blocks until the run has ended or ctx has. Where everybody has left the run, and its context has ended with that, it
// does not wait for long for an exporter that does not heed its context, but at a shutdown.
func (r *run) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return nil
	default:
	}
	r.mu.Lock()
	gone := r.left
	r.mu.Unlock()
	var deaf <-chan time.Time
	if !gone.IsZero() && !r.isFinal() {
		deaf = time.After(time.Until(gone.Add(graceToReturn)))
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-deaf:
		return errDeaf
	}
}
