// Package flushcalls makes the calls of a Flusher's Flush and ForceFlush: one at a time, each shared by the callers that it
// serves.
package flushcalls

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/internal/bounded"
)

// ErrClosed is the error of a flush that was requested after Close.
var ErrClosed = errors.New("agent: flush after shutdown")

// Kind is the kind of a call.
type Kind bool

// The kinds of a call.
const (
	Regular Kind = false // Flush of a Pipeline: after an invocation
	Forced  Kind = true  // ForceFlush: no later call is certain
)

// Calls makes calls one at a time. A call delivers the items that had ended when it began. So a request that comes during
// a call is served by the next call, and all requests that come meanwhile share that one.
//
//	request ──▶ waiting ──beginLocked──▶ running ──end──▶ ended
//	               └──────────Close, then end───────────────┘
//
// At most one call is running and one waits. The first request starts a goroutine, which runs the calls until none
// waits. beginLocked and end are the only places that change the running call; the mutex guards both.
type Calls struct {
	base  context.Context                   // parent of all calls' contexts; ends with the agent
	flush func(context.Context, Kind) error // returns soon after its context has ended

	mu      sync.Mutex
	running *call     // nil: none
	waiting *call     // begins when running ends; nil: none
	latest  time.Time // no call runs longer than this; zero: no such limit
	closed  bool      // no call begins any more
}

// call is one call of the Flusher.
type call struct {
	kind   Kind      // Forced if one of its requests is; the mutex of Calls guards it, and until, until the call begins
	until  time.Time // the latest of its requests' deadlines
	began  time.Time // beginLocked sets this and the next two
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{} // closed by the goroutine of run
	err    error         // readable then
}

// New returns Calls of flush, which must return soon after its context has ended. base is the parent of its contexts.
func New(base context.Context, flush func(context.Context, Kind) error) *Calls {
	return &Calls{base: base, flush: flush}
}

// Flush delivers the items that have ended by now. It returns when that is done, or CallGrace after until.
func (c *Calls) Flush(until time.Time, kind Kind) error {
	served := c.request(until, kind)
	if served == nil {
		return ErrClosed
	}
	timer := time.NewTimer(time.Until(until) + budget.CallGrace)
	defer timer.Stop()
	select {
	case <-served.ended:
		return served.err
	case <-timer.C:
	}
	select {
	case <-served.ended: // at the same moment
		return served.err
	default:
		return fmt.Errorf("flush: this call, or the one before it, %w", bounded.ErrNotReturned)
	}
}

// Request is Flush without the wait. It reports false after Close.
func (c *Calls) Request(until time.Time, kind Kind) bool { return c.request(until, kind) != nil }

// Running reports whether a call is under way.
func (c *Calls) Running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running != nil
}

// Limit is called when the shutdown begins, which flushes once more, until latest. The running call ends at handover at
// the latest. It gets that much time in all, counted from its own beginning, and at least half of the time that is left:
// a slow call completes, and a call that has hung for long leaves time for the last one.
func (c *Calls) Limit(handover, latest time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latest = latest
	if c.running != nil {
		left := time.Until(handover)
		time.AfterFunc(max(left/2, left-time.Since(c.running.began)), c.running.cancel)
	}
}

// Close forbids further calls. The running one continues; the waiting one fails with ErrClosed.
func (c *Calls) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// request finds or makes the call that delivers the items that have ended by now. It returns nil after Close.
func (c *Calls) request(until time.Time, kind Kind) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return nil
	case c.waiting != nil:
		if until.After(c.waiting.until) {
			c.waiting.until = until
		}
		c.waiting.kind = c.waiting.kind || kind
		return c.waiting
	}
	next := &call{kind: kind, until: until, ended: make(chan struct{})}
	if c.running != nil {
		c.waiting = next
		return next
	}
	c.beginLocked(next)
	go c.run(next)
	return next
}

// run makes the running call and the calls that follow it, until none waits.
func (c *Calls) run(now *call) {
	for now != nil {
		if now.err = now.ctx.Err(); now.err == nil {
			now.err = c.flush(now.ctx, now.kind)
		}
		now.cancel()
		next := c.end()
		close(now.ended)
		now = next
	}
}

// beginLocked makes next the running call. It requires mu.
func (c *Calls) beginLocked(next *call) {
	until := next.until
	if !c.latest.IsZero() && until.After(c.latest) {
		until = c.latest
	}
	next.began = time.Now()
	next.ctx, next.cancel = context.WithDeadline(c.base, until)
	c.running = next
}

// end ends the running call and begins the waiting one, which it returns; nil if there is none.
func (c *Calls) end() *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.waiting
	c.running, c.waiting = nil, nil
	switch {
	case next == nil:
		return nil
	case c.closed:
		next.err = ErrClosed
		close(next.ended)
		return nil
	}
	c.beginLocked(next)
	return next
}
