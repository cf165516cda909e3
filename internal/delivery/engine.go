package delivery

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/breaker"
)

// Engine delivers the signals of one origin (scheme, host, port, TLS client identity). The signals share its limit of
// requests at once and its exit deadline. All methods are safe for concurrent use.
//
// A flush of a signal is a state machine. Its state is its policy, or stopping. Only flush.change changes it.
//
//	breaker half-open, or the            other cases          no later flush is certain
//	origin silent for another signal         │                         │
//	            │                            ▼                         ▼
//	            ▼           answer         normal ◀─────────────── shutdown ◀── from any state
//	          probe ──────────────────────▶  │    the process lives    │
//	            │                            │          on             │
//	            │ no answer                  │ an attempt fails        │ the time is over
//	            ▼                            ▼                         ▼
//	         stopping: attempts under way end, and no other begins
//
// A flush ends when its last worker has left: nothing is left to take, it is stopping, or nothing waits for it any
// more.
//
// There is one mutex, Engine.mu. It guards the engine, its streams with their items, and their flushes. While it is
// held, the code takes only the locks of timers and contexts, and no Sender, exporter, encoder, callback or method of a
// foreign error runs: package bounded calls the methods of an error once, on the goroutine of the call that returned
// it. Nothing under the lock takes long, so a push never waits for a flush. Functions whose names end in Locked need
// the lock, and so do all methods of flush, backlog and Breaker. Waits for the semaphores of Resources hold no lock.
type Engine struct {
	sender           Sender // nil: the one signal has a custom exporter
	limits           Limits
	resources        *Resources
	closeDestination func(context.Context) error

	calls   sync.WaitGroup // of the sender or the exporter, those left behind included
	running atomic.Int64   // the same as a number

	mu           sync.Mutex // guards the rest
	streams      []*stream
	open         int           // streams that are not shut down
	requests     int           // workers of all flushes, each of which makes one request at once, and hedged requests
	exitDeadline time.Time     // zero: the process is not about to exit
	exitTimer    *time.Timer   // ends the exit deadline; nil: there was none
	usual        time.Duration // usual time to an answer; 0: none has come yet
}

// NewEngine returns an engine for the origin that sender sends to. It owns sender.
func NewEngine(sender Sender, resources *Resources) *Engine {
	return &Engine{
		sender: sender, limits: sender.Limits(), resources: resources,
		closeDestination: func(context.Context) error { return sender.Close() },
	}
}

// NewItemEngine returns an engine for one queue with a custom exporter (see [NewItemQueue]).
func NewItemEngine() *Engine {
	return &Engine{limits: Limits{Requests: 1, Breaker: true}}
}

// SetExitDeadline tells the engine that the process exits at t. Until then every flush, including one that is under
// way, has the shutdown policy and t as its deadline, and a full batch leaves at once. A flush under way goes on until
// t even if its callers leave. After t everything is normal again. The zero time clears the deadline.
func (e *Engine) SetExitDeadline(t time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.exitTimer != nil {
		e.exitTimer.Stop()
	}
	e.exitDeadline = time.Time{}
	if left := time.Until(t); left > 0 {
		e.exitDeadline = time.Now().Add(left) // by the clock of the timer
		e.exitTimer = time.AfterFunc(left, e.expire)
	}
	e.exitChangedLocked()
}

// expire returns to normal after the exit deadline.
func (e *Engine) expire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.exitingLocked() { // otherwise a later deadline has been set
		e.exitChangedLocked()
	}
}

func (e *Engine) exitChangedLocked() {
	exiting := e.exitingLocked()
	for _, s := range e.streams {
		s.setExitingLocked(exiting)
	}
}

// answersLocked tells the requests under way that the backend answers: some are given up if it does (see nextEvent).
func (e *Engine) answersLocked() {
	for _, s := range e.streams {
		if f := s.flush; f != nil {
			f.change(f.policy, f.stopReason)
		}
	}
}

// exitingLocked reports whether an exit deadline lies ahead.
func (e *Engine) exitingLocked() bool {
	return !e.exitDeadline.IsZero() && breaker.Remaining(e.exitDeadline, time.Now()) > 0
}

// mayRequestLocked reports whether the flush of s may have one more request at once. Each signal always has one; so one
// is kept for each that has none.
func (e *Engine) mayRequestLocked(s *stream) bool {
	if s.flush.workers == 0 {
		return true
	}
	kept := 0
	for _, o := range e.streams {
		if !o.noFlushes && (o.flush == nil || o.flush.workers == 0) {
			kept++
		}
	}
	return e.requests+kept < e.limits.Requests
}

// silentLocked reports whether another signal gets no response, and s has got none since that began either.
func (e *Engine) silentLocked(s *stream) bool {
	return slices.ContainsFunc(e.streams, func(o *stream) bool { return s.lastResponse.Before(o.silentSince) })
}

// addWorkersLocked gives every flush the workers that it has batches for.
func (e *Engine) addWorkersLocked() {
	for _, s := range e.streams {
		if s.flush != nil {
			s.addWorkersLocked(s.flush)
		}
	}
}

// remove closes the destination if no signal is left.
func (e *Engine) remove(ctx context.Context) error {
	e.mu.Lock()
	e.open--
	last := e.open == 0
	e.mu.Unlock()
	if !last {
		return nil
	}
	e.calls.Wait()
	_, err := bounded.Call(ctx, senderGrace, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, e.closeDestination(ctx)
	})
	if err != nil {
		return fmt.Errorf("close exporter: %w", err)
	}
	return nil
}
