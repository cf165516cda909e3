package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/internal/bounded"
)

// errFlushClosed is the error of a flush that was requested after the shutdown.
var errFlushClosed = errors.New("agent: flush after shutdown")

// flushCalls makes the calls of ForceFlush, one at a time. A call delivers what had ended when it began, so a request
// that comes during a call is served by the next one, and all requests that come meanwhile share that one.
//
//	request ──▶ current (running) ──▶ done
//	request ──▶ next (at most one) ──▶ becomes current when it is done
type flushCalls struct {
	call func(context.Context) error // ForceFlush; it returns soon after its context has ended
	base context.Context             // parent of all calls' contexts; ends with the agent

	mu      sync.Mutex
	current *flushCall // running; nil: none. The goroutine of run is started by the request that sets it.
	next    *flushCall // begins when current ends; nil: no request
	latest  time.Time  // no call runs longer than this; zero: no such limit
	closed  bool       // no call begins any more
}

// flushCall is one call of ForceFlush.
type flushCall struct {
	until  time.Time // the latest of its requests' deadlines; guarded by flushCalls.mu until it begins
	began  time.Time // this and the next two are set when it begins
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed by its goroutine when it has ended
	err    error         // readable then
}

// flush flushes what has ended by now. It returns when that is done, or budget.ReturnGrace after until.
func (f *flushCalls) flush(until time.Time) error {
	c := f.request(until)
	if c == nil {
		return errFlushClosed
	}
	timer := time.NewTimer(time.Until(until) + budget.ReturnGrace)
	defer timer.Stop()
	select {
	case <-c.done:
		return c.err
	case <-timer.C:
	}
	if isClosed(c.done) { // at the same moment
		return c.err
	}
	return fmt.Errorf("flush: this call, or the one before it, %w", bounded.ErrNotReturned)
}

// request finds or makes the call that delivers what has ended by now. It returns nil after close.
func (f *flushCalls) request(until time.Time) *flushCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return nil
	case f.next != nil:
		if until.After(f.next.until) {
			f.next.until = until
		}
		return f.next
	}
	c := &flushCall{until: until, done: make(chan struct{})}
	if f.current != nil {
		f.next = c
		return c
	}
	f.begin(c)
	go f.run(c)
	return c
}

// running reports whether a call is under way.
func (f *flushCalls) running() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current != nil
}

// begin makes c the current call. The caller holds the mutex.
func (f *flushCalls) begin(c *flushCall) {
	until := c.until
	if !f.latest.IsZero() && until.After(f.latest) {
		until = f.latest
	}
	c.began = time.Now()
	c.ctx, c.cancel = context.WithDeadline(f.base, until)
	f.current = c
}

// run makes the current call and the calls that follow it, until there is no request left.
func (f *flushCalls) run(c *flushCall) {
	for c != nil {
		if c.err = c.ctx.Err(); c.err == nil {
			c.err = f.call(c.ctx)
		}
		c.cancel()
		next := f.end()
		close(c.done)
		c = next
	}
}

// end ends the current call and begins the next one, which it returns; nil if there is none.
func (f *flushCalls) end() *flushCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := f.next
	f.current, f.next = nil, nil
	switch {
	case next == nil:
		return nil
	case f.closed:
		next.err = errFlushClosed
		close(next.done)
		return nil
	}
	f.begin(next)
	return next
}

// limit is called when the shutdown begins, which flushes once more, until latest. The current call ends at handover at
// the latest. It gets that much time in all, counted from its own beginning, and at least half of what is left: a slow
// call completes, and a call that has hung for long leaves time for the last one.
func (f *flushCalls) limit(handover, latest time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest = latest
	if f.current != nil {
		left := time.Until(handover)
		time.AfterFunc(max(left/2, left-time.Since(f.current.began)), f.current.cancel)
	}
}

// close forbids further calls. The current one continues.
func (f *flushCalls) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}
