package delivery

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/breaker"
)

// Engine delivers the signals of one origin (scheme, host, port, TLS client identity). The signals share its limit of
// requests at once, its circuit breaker and its exit deadline. All methods are safe for concurrent use.
//
// A flush of a signal is a state machine. Only the holder of Engine.mu changes its state or its policy.
//
//	             breaker or hold half-open             other cases
//	      ┌────────────────────┴───────────────┐            │
//	      ▼                                    ▼            │
//	waitingForProbe ─── its probe ──────▶  probing          │
//	(another signal      failed ──┐            │            │
//	 sends the probe)             │     answer │            │
//	      │                       │            ▼            │
//	      └── its probe ──────────┼───────▶ sending ◀───────┘
//	          was answered        │        │   ▲
//	                              │  gives │   │ the policy becomes
//	                              │     up │   │ shutdown
//	                              │        ▼   │
//	                              └────▶ stopping ────▶ ended (the last worker has left)
//
// A worker that finds nothing to take leaves too, so a flush ends from every state.
//
// Lock order: Engine.mu, then Queue.mu. Neither is held while a Sender, an encoder or a callback runs.
type Engine struct {
	sender    Sender // nil: the one signal has a custom exporter
	limits    Limits
	resources *Resources

	mu           sync.Mutex // guards the rest, and the streams and their flushes
	streams      []*stream
	open         int // streams that are not shut down
	requests     int // workers of all flushes, each of which makes one request at once
	breaker      breaker.Breaker
	prober       *flush        // the flush that sends the breaker's probe; nil: none
	exitDeadline time.Time     // zero: the process is not about to exit
	exitTimer    *time.Timer   // calls expire; nil: there was no exit deadline
	usual        time.Duration // usual time to an answer; 0: none has come yet
}

// NewEngine returns an engine for the origin that sender sends to. It owns sender.
func NewEngine(sender Sender, resources *Resources) *Engine {
	return &Engine{sender: sender, limits: sender.Limits(), resources: resources}
}

// NewItemEngine returns an engine for one queue with a custom exporter (see [NewItemQueue]).
func NewItemEngine() *Engine {
	return &Engine{limits: Limits{Requests: 1, Breaker: true}}
}

func (e *Engine) addStream(c Config, items source) *stream {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := &stream{
		engine: e, config: c, items: items, background: true, requestBytes: c.RequestBytes,
		closed: make(chan struct{}),
	}
	e.streams = append(e.streams, s)
	e.open++
	return s
}

// SetExitDeadline tells the engine that the process exits at t. Until then every flush, including one that is under
// way, has the shutdown policy and lasts at most until t, and a full batch leaves at once. After t everything is normal
// again. The zero time clears the deadline.
func (e *Engine) SetExitDeadline(t time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.exitDeadline = t
	for _, s := range e.streams {
		s.setExitDeadlineLocked(t)
	}
	if e.exitTimer != nil {
		e.exitTimer.Stop()
	}
	if e.exitingLocked() {
		e.exitTimer = time.AfterFunc(time.Until(t), e.expire)
	}
}

// expire returns to normal after the exit deadline.
func (e *Engine) expire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.exitingLocked() { // a later deadline has been set
		return
	}
	for _, s := range e.streams {
		s.items.setEager(false)
	}
}

// exitingLocked reports whether an exit deadline lies ahead.
func (e *Engine) exitingLocked() bool { return time.Now().Before(e.exitDeadline) }

// answeredLocked records that the backend has settled a request within took.
func (e *Engine) answeredLocked(took time.Duration) {
	took = max(took, 1)
	e.usual = max(took, e.usual-(e.usual-took)/8) // up at once, down slowly
	e.breaker.Success()
}

// mayHireLocked reports whether a flush may have one worker more. Each signal always has one.
func (e *Engine) mayHireLocked(f *flush) bool {
	return f.workers == 0 || e.requests < e.limits.Requests
}

// hireLocked gives every flush the workers that it has batches for.
func (e *Engine) hireLocked() {
	for _, s := range e.streams {
		if s.flush != nil {
			s.hireLocked(s.flush)
		}
	}
}

// otherAnsweredLocked reports whether the backend has answered another signal than s since the time t.
func (e *Engine) otherAnsweredLocked(s *stream, t time.Time) bool {
	return slices.ContainsFunc(e.streams, func(o *stream) bool { return o != s && o.lastResponse.After(t) })
}

// release closes the destination if s was the last signal.
func (e *Engine) release(ctx context.Context, s *stream) error {
	e.mu.Lock()
	e.open--
	last := e.open == 0
	e.mu.Unlock()
	if !last {
		return nil
	}
	closing := s.items.closeExporter
	if e.sender != nil {
		closing = func(context.Context) error { return e.sender.Close() }
	}
	_, err := bounded.Call(ctx, returnGrace, func(ctx context.Context) (struct{}, error) { return struct{}{}, closing(ctx) })
	if err != nil {
		return fmt.Errorf("close exporter: %w", err)
	}
	return nil
}
