package otelx

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// run is one export of everything that was accepted before its start. It goes on while somebody is interested: callers
// of a flush, or the background on its own account. When the last has left, its context ends.
type run struct {
	number uint64 // counted from 1
	target uint64 // spans with a lower number are its task
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed at the end

	mu         sync.Mutex
	interested int       // the background included
	background bool      // the background is among them; the loop's lock guards it too
	bounded    bool      // deadline holds
	deadline   time.Time // the latest of those interested
	failed     bool      // a worker has given up; nobody begins anything new
	err        error     // why the last attempt failed, and why there is no other
	remark     error     // what the backend said about a request that it accepted
	loss       error     // what was said when spans were lost
}

// newRun makes a run with one interested party, who waits until deadline (zero: without end).
func newRun(number, target uint64, deadline time.Time) *run {
	ctx, cancel := context.WithCancel(context.Background())
	return &run{
		number: number, target: target, ctx: ctx, cancel: cancel, done: make(chan struct{}),
		interested: 1, bounded: !deadline.IsZero(), deadline: deadline,
	}
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

// note keeps what an attempt said.
func (r *run) note(o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
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

// wait blocks until the run has ended or ctx has.
func (r *run) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return nil
	default:
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errExportTimeout = errors.New("the export took longer than OTEL_BSP_EXPORT_TIMEOUT")

// attempt returns the context for delivering one batch: it ends with the run or after limit (0: no limit), and shows
// the deadline of those who are interested when it is asked.
func (r *run) attempt(limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		ctx, cancel := context.WithCancel(r.ctx)
		return shownDeadline{ctx, r}, cancel
	}
	ctx, cancel := context.WithTimeoutCause(r.ctx, limit, errExportTimeout)
	return shownDeadline{ctx, r}, cancel
}

// shownDeadline shows a deadline that may still move, and so is not what ends it: the last to leave the run does that.
// A timer derived from it in the usual way would rely on that deadline where it is the earlier one; those of ours do
// not.
type shownDeadline struct {
	context.Context
	run *run
}

func (d shownDeadline) Deadline() (time.Time, bool) {
	at, ok := d.Context.Deadline()
	if until := d.run.until(); !until.IsZero() && (!ok || until.Before(at)) {
		return until, true
	}
	return at, ok
}
