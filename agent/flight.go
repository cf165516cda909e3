package agent

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errGrounded is what a flush asked for after the shutdown returns.
var errGrounded = errors.New("agent: flush after shutdown")

// flights are the calls of ForceFlush, never two at once. A flush delivers what had ended when it began, so who asks
// while one is under way is served by the next; all who ask meanwhile share that one.
type flights struct {
	call func(context.Context) error // ForceFlush; it returns, if late, whatever the Flusher does
	base context.Context             // of all calls' contexts; ends with the agent

	mu       sync.Mutex
	now      *flight   // under way; nil: none. Whoever sets it starts the goroutine that flies it and all that follow.
	next     *flight   // begins when now ends; nil: nobody has asked
	latest   time.Time // no flight may go on after this; zero: no such limit
	grounded bool      // no flight begins any more
}

// flight is one call of ForceFlush.
type flight struct {
	until  time.Time               // the latest end that anybody on it asked for; guarded by flights.mu until it begins
	beside []func(context.Context) // called beside it, and part of it; guarded likewise
	began  time.Time               // this and the next two are set when it begins
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed by its goroutine when it has ended
	err    error         // readable then
}

// flush flushes what has ended by now, and returns when that is done or, a straggle after until, given up.
func (f *flights) flush(until time.Time) error {
	fl := f.board(until)
	if fl == nil {
		return errGrounded
	}
	late := time.NewTimer(time.Until(until) + straggle)
	defer late.Stop()
	select {
	case <-fl.done:
		return fl.err
	case <-late.C:
	}
	if isClosed(fl.done) { // both at once: what the flight says tells more
		return fl.err
	}
	return errStuck // this flight, or the one before that it waits for
}

// board finds or makes the flight that will deliver what has ended by now; nil where there are no more. Each function in
// beside is called while that flight is under way, with its context, and heeds that.
func (f *flights) board(until time.Time, beside ...func(context.Context)) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.grounded:
		return nil
	case f.next != nil:
		if until.After(f.next.until) {
			f.next.until = until
		}
		f.next.beside = append(f.next.beside, beside...)
		return f.next
	}
	fl := &flight{until: until, beside: beside, done: make(chan struct{})}
	if f.now != nil {
		f.next = fl
		return fl
	}
	f.begin(fl)
	go f.fly(fl)
	return fl
}

// underWay reports whether there is a flight.
func (f *flights) underWay() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now != nil
}

// begin makes fl the flight under way. The caller holds the mutex.
func (f *flights) begin(fl *flight) {
	until := fl.until
	if !f.latest.IsZero() && until.After(f.latest) {
		until = f.latest
	}
	fl.began = time.Now()
	fl.ctx, fl.cancel = context.WithDeadline(f.base, until)
	f.now = fl
}

// fly makes the call for the flight under way, and for those that follow, until nobody asks any more.
func (f *flights) fly(fl *flight) {
	for fl != nil {
		if fl.err = fl.ctx.Err(); fl.err == nil {
			fl.err = f.make(fl)
		}
		fl.cancel()
		next := f.land()
		close(fl.done)
		fl = next
	}
}

// make makes the call, and the others beside it.
func (f *flights) make(fl *flight) error {
	var all sync.WaitGroup
	for _, do := range fl.beside {
		all.Go(func() { do(fl.ctx) })
	}
	err := f.call(fl.ctx)
	all.Wait()
	return err
}

// land ends the flight under way and begins the next, which it returns; nil where there is none.
func (f *flights) land() *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := f.next
	f.now, f.next = nil, nil
	switch {
	case next == nil:
		return nil
	case f.grounded:
		next.err = errGrounded
		close(next.done)
		return nil
	}
	f.begin(next)
	return next
}

// hurry is called when the shutdown begins, which flushes once more, until latest at most. The flight under way ends at
// handover at most. It gets as much time as that in all, from its own beginning, and in any case half of what is left:
// one that is slow arrives, and one that has hung for long leaves time for the flight after it.
func (f *flights) hurry(handover, latest time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest = latest
	if f.now != nil {
		left := time.Until(handover)
		time.AfterFunc(max(left/2, left-time.Since(f.now.began)), f.now.cancel)
	}
}

// ground says that the Flusher is about to be shut down: no flight begins any more. One that is under way goes on.
func (f *flights) ground() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.grounded = true
}
