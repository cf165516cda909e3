package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/breaker"
)

// noLimit is the time of a caller without a deadline, and of a batch, if Config.Timeout sets no limit.
const noLimit = 24 * time.Hour

// stream is one signal on its way through an engine: its items, its flushes and its timer. Engine.mu guards all fields but
// those of the first group.
type stream struct {
	engine    *Engine
	config    Config
	encoders  sync.Pool                                        // of anyEncoder
	export    func(ctx context.Context, entries []entry) error // calls the custom exporter; nil: the engine's Sender
	callbacks bounded.Slot
	closed    chan struct{} // closed when the last shutdown has ended; closeErr is readable then

	items        backlog
	flush        *flush // under way; nil: none
	flushes      uint64 // begun so far
	background   bool   // background export is on
	timer        *time.Timer
	armed        bool            // the timer will fire
	failing      breaker.Breaker // of the background export: it counts flushes in a row that delivered nothing, whatever the reason
	hold         breaker.Breaker
	unanswered   bool // it got no answer since the origin's last one: its failures opened the breaker
	retryAfter   retryAfter
	requestBytes int // the largest request; a refusal for its size lowers it
	itemBytes    int // the largest request of one item; such a refusal of one item lowers both
	lastResponse time.Time

	reported   Dropped // drops that a flush has reported
	announced  int64   // drops of a full queue that Config.OnError has got
	dropReason error   // the backend's message about drops that no flush has reported

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
	s.onThresholdLocked(s.items.push(x))
}

func (s *stream) pushCollection(items []entry) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.onThresholdLocked(s.items.pushCollection(items))
}

// Stats returns the counts of one moment.
func (s *stream) Stats() Stats {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	stats := s.items.stats()
	stats.Breaker = s.stateLocked()
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
	return n, s.flush != nil || quarterFull || s.items.counts.Dropped != s.reported
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

func (s *stream) pendingEntries() []entry {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return s.items.pending()
}

func (s *stream) spilled(entries []entry) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.items.spilled(entries)
}

// beginLocked begins a flush of all items pushed so far. There is none under way.
func (s *stream) beginLocked() *flush {
	s.flushes++
	s.flush = newFlush(s.flushes, s.items.next)
	s.disarmLocked()
	return s.flush
}

// startLocked chooses the first state of f and adds its workers.
func (s *stream) startLocked(f *flush) {
	now := time.Now()
	switch {
	case s.lastChanceLocked():
		f.becomeLocked(sending, shutdown)
	case s.engine.breaker.State(now) != breaker.Closed || s.hold.State(now) != breaker.Closed:
		f.becomeLocked(probing, probe)
	}
	s.addWorkersLocked(f)
	if f.workers == 0 { // a spill has taken everything since the caller looked
		s.startWorkerLocked(f)
	}
}

// addWorkersLocked gives f as many workers as it has batches for, one while its probe is under way.
func (s *stream) addWorkersLocked(f *flush) {
	if !f.activeLocked() {
		return
	}
	batches := s.items.batches(f.taskLocked())
	if f.state != sending {
		batches = min(batches, 1-f.workers)
	}
	for ; batches > 0 && s.engine.mayRequestLocked(s); batches-- {
		s.startWorkerLocked(f)
	}
}

func (s *stream) startWorkerLocked(f *flush) {
	f.workers++
	s.engine.requests++
	go s.work(f)
}

// proceedLocked ends the probe of f with success: the flush goes on at full width.
func (s *stream) proceedLocked(f *flush) {
	if f.state == probing {
		f.becomeLocked(sending, normal)
		s.addWorkersLocked(f)
	}
}

// toLastChanceLocked makes f the last chance of all items pushed so far.
func (s *stream) toLastChanceLocked(f *flush) {
	f.toShutdownLocked()
	s.extendLocked(f)
}

// extendLocked makes all items pushed so far the task of f.
func (s *stream) extendLocked(f *flush) {
	f.upTo = s.items.next
	s.addWorkersLocked(f)
}

// endLocked ends f, whose last worker has left, and provides for the items that are left. It returns the calls of callbacks
// about f, for report.
func (s *stream) endLocked(f *flush) (reports []func()) {
	gaveUp := !s.items.done(f.upTo)
	if gaveUp && f.err == nil && f.why == nil {
		f.why = context.Cause(f.ctx)
	}
	for _, b := range f.exhausted {
		s.items.putBack(b)
	}
	s.flush = nil
	s.recordOutcomeLocked(f)
	f.becomeLocked(ended, f.policy)
	if f.dropReason != nil {
		s.dropReason = f.dropReason
	}
	switch {
	case !gaveUp || f.decided:
		s.failing.Success()
	case f.background && f.callers == 0:
		s.failing.Failure(f.began, time.Now(), nil)
	}
	if s.items.load() > 0 { // a threshold reached while f was under way
		s.exportLaterLocked(s.items.enough() && (f.background || s.background) && !gaveUp)
	}
	return s.reportsLocked(f, gaveUp)
}

// deadlineLocked returns the time at which the attempts of f are over.
func (s *stream) deadlineLocked(f *flush) time.Time {
	deadline := f.deadline
	if f.background {
		deadline = f.began.Add(noLimit)
	}
	if exit := s.engine.exitDeadline; s.engine.exitingLocked() && (f.held || exit.Before(deadline)) {
		return exit
	}
	return deadline
}

// budgetLocked returns the time that f has in all for a batch.
func (s *stream) budgetLocked(f *flush) time.Duration {
	budget := max(s.deadlineLocked(f).Sub(f.began), 1)
	if f.policy.lastChance {
		return budget
	}
	return min(budget, s.config.Timeout)
}

// lastChanceLocked reports whether no later flush is certain: Shutdown was called or the exit deadline lies ahead.
func (s *stream) lastChanceLocked() bool { return s.shutDown || s.engine.exitingLocked() }

// setExitingLocked is Engine.SetExitDeadline for one signal.
func (s *stream) setExitingLocked(on bool) {
	s.items.eager = on
	f := s.flush
	switch {
	case on && f != nil:
		f.held = f.ctx.Err() == nil
		s.toLastChanceLocked(f)
	case on && s.items.enough():
		s.exportLaterLocked(true)
	case !on && f != nil:
		f.held = false
		f.endIfUnwantedLocked()
		if !s.shutDown {
			f.toNormalLocked()
		}
	}
}
