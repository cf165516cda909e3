package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/breaker"
)

// stream is one signal on its way through an engine: its items, its flushes and its timer. Engine.mu guards all fields
// but those of the first group.
type stream struct {
	engine    *Engine
	config    Config
	encoders  sync.Pool                                        // of anyEncoder
	export    func(ctx context.Context, entries []entry) error // calls the custom exporter; nil: the engine's Sender
	callbacks bounded.Slot
	closed    chan struct{} // closed when the last shutdown has ended; closeErr is readable then

	items              backlog
	flush              *flush          // under way; nil: none
	flushes            uint64          // begun so far
	background         bool            // background export is on
	timer              *time.Timer     // begins a background export; nil: none is due
	breaker            breaker.Breaker // counts flushes in a row to which the backend has not given an answer that decides
	backgroundFailures breaker.Breaker // counts background flushes in a row that delivered nothing, whatever the reason
	lastResponse       time.Time
	silentSince        time.Time // it gets no response since then; zero: it does
	retryAfter         retryAfter
	requestBytes       int // the largest request; a refusal for its size lowers it
	itemBytes          int // the largest request of one item; such a refusal of one item lowers both

	dropsReported Dropped // drops that a flush has reported
	announced     int64   // drops of a full queue that Config.OnError has got
	dropReason    error   // the backend's message about drops that no flush has reported

	shutDown     bool // Shutdown was called
	shuttingDown int  // callers of Shutdown whose flush has not ended
	noFlushes    bool // the last of them has left: no flush begins
	closeErr     error
}

// retryAfter is a pause that the backend has asked for. The zero value is none.
type retryAfter struct {
	asked time.Duration
	until time.Time
	cause error // of the request with the answer
}

func newStream(e *Engine, c Config) *stream {
	if c.Timeout <= 0 {
		c.Timeout = noLimit
	}
	s := &stream{
		engine: e, config: c, background: true, requestBytes: c.RequestBytes, itemBytes: c.RequestBytes,
		closed: make(chan struct{}),
		items:  backlog{capacity: c.Capacity, batchSize: c.BatchSize, maxBytes: c.MaxBytes, recognised: c.Hedge},
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.streams = append(e.streams, s)
	e.open++
	return s
}

func (s *stream) push(x entry) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	first, enough := s.items.next, s.enoughLocked()
	s.items.push(x)
	s.pushedLocked(first, enough)
}

func (s *stream) pushCollection(items []entry) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	first, enough := s.items.next, s.enoughLocked()
	s.items.pushCollection(items)
	s.pushedLocked(first, enough)
}

// Stats returns the counts of one moment.
func (s *stream) Stats() Stats {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	stats := s.items.stats()
	now := time.Now()
	stats.Breaker = s.breaker.State(now)
	switch {
	case stats.Breaker == breaker.Closed:
	case s.flush != nil:
		stats.Breaker = breaker.HalfOpen
	case breaker.Remaining(s.retryAfter.until, now) > 0:
		stats.Breaker = breaker.Open
	}
	return stats
}

// Pending returns how many items are pending, and whether a flush should not be deferred: one is under way, a quarter
// of the queue or of its bytes is in use, or the next flush has drops to report. If it returns 0 and false, Flush has
// nothing to do.
func (s *stream) Pending() (n int, flushNow bool) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	n = int(s.items.stats().Pending)
	quarterFull := n > 0 && n >= s.config.Capacity/4 || s.config.MaxBytes > 0 && s.items.bytes >= s.config.MaxBytes/4
	return n, s.flush != nil || quarterFull || s.items.counts.Dropped != s.dropsReported
}

// Idle returns a channel that is closed when the flush under way has ended; nil if there is none.
func (s *stream) Idle() <-chan struct{} {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if s.flush == nil {
		return nil
	}
	return s.flush.done
}

// SetBackgroundExport switches the export by timer on (the default) or off. A half-full queue is exported in the
// background in either case.
func (s *stream) SetBackgroundExport(on bool) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.background = on && !s.shutDown
	switch {
	case !on:
		s.disarmLocked()
	case s.items.waitingItems() > 0 && s.flush == nil:
		s.armLocked()
	}
}

// pushedLocked begins a background flush if items from the number first on have made the queue full enough, which it
// was or was not before, or have added a batch to a queue that was. Otherwise it sets the timer. While a flush is under
// way, its end looks at the queue.
func (s *stream) pushedLocked(first uint64, enoughBefore bool) {
	batch := uint64(s.config.BatchSize) //nolint:gosec // positive
	reached := s.enoughLocked() && (!enoughBefore || s.items.next/batch > first/batch)
	switch {
	case s.items.waitingItems() == 0:
	case s.flush == nil:
		s.exportLaterLocked(reached)
	case reached && s.lastChanceLocked():
		s.extendLocked(s.flush)
	}
}

// enoughLocked reports whether the items that wait are enough for a background flush: half of the queue, or a full
// batch if the process is about to exit.
func (s *stream) enoughLocked() bool {
	enough := s.config.Capacity / 2
	if s.engine.exitingLocked() {
		enough = min(enough, s.config.BatchSize)
	}
	waiting := s.items.waitingItems()
	return waiting >= max(enough, 1) || waiting > 0 && s.config.MaxBytes > 0 && s.items.bytes >= s.config.MaxBytes/2
}

// exportLaterLocked provides for items without a flush: a background flush at once if it may begin, otherwise one by
// timer.
func (s *stream) exportLaterLocked(atOnce bool) {
	switch {
	case s.noFlushes:
	case atOnce && (s.lastChanceLocked() || s.backgroundWaitLocked() <= 0):
		s.addWorkersLocked(s.beginLocked(true))
	default:
		s.armLocked()
	}
}

// armLocked sets the timer of the background export, if it is not set.
func (s *stream) armLocked() {
	if s.background && s.timer == nil && !s.noFlushes {
		s.timer = time.AfterFunc(max(s.config.Delay, s.backgroundWaitLocked()), s.onTimer)
	}
}

func (s *stream) disarmLocked() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// onTimer begins the background export.
func (s *stream) onTimer() {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if s.timer == nil { // switched off while it fired
		return
	}
	s.timer = nil
	if s.items.waitingItems() > 0 && s.flush == nil {
		s.exportLaterLocked(true)
	}
}

// backgroundWaitLocked returns for how long no background flush may begin: the breaker is open, or Retry-After has not
// passed. Some failures leave the breaker closed: those of a custom exporter that fails at once, or of a destination
// without a breaker. The pauses after them keep a short export delay from becoming a loop.
func (s *stream) backgroundWaitLocked() time.Duration {
	now := time.Now()
	return max(s.breaker.Wait(now), s.backgroundFailures.Wait(now), breaker.Remaining(s.retryAfter.until, now))
}
