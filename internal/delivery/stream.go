package delivery

import (
	"context"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/breaker"
)

// source is the Queue of a stream, whatever its items are. Its methods take Queue.mu.
type source interface {
	take(t task) parcel
	batches(t task) int
	done(upTo uint64) bool
	sequence() uint64
	load() (items int, enough bool)
	setEager(on bool)
	close()
	closeExporter(ctx context.Context) error
	counts() Stats
	takeDrops() Dropped
	takeQueueFullDrops() int64
	pressure() (pending int, quarterFull, drops bool)
}

// task says which batches the workers of a flush take.
type task struct {
	upTo  uint64 // those with an item that has a lower sequence number
	flush uint64 // but none that a custom exporter has failed in this flush
}

// stream is one signal on its way through an engine: its flushes and its timer. Engine.mu guards all fields but those of
// the first group.
type stream struct {
	engine *Engine
	config Config
	items  source

	calls  bounded.Slots // of a custom exporter
	closed chan struct{} // closed when the last shutdown has ended; closeErr is readable then

	flush        *flush // under way; nil: none
	flushes      uint64 // begun so far
	background   bool   // background export is on
	timer        *time.Timer
	armed        bool // the timer will fire
	hold         breaker.Breaker
	unanswered   bool // it got no answer since the origin's last one: its failures opened the breaker
	retryAfter   retryAfter
	requestBytes int // the largest request; a 413 lowers it
	lastResponse time.Time
	dropReason   error // the backend's message about drops that no flush has reported

	shutDown     bool // Shutdown was called
	shuttingDown int  // callers of Shutdown whose flush has not ended
	noFlushes    bool // the last of them has left: no flush begins
	closeErr     error
}

func newStream(e *Engine, c Config, items source) *stream {
	return &stream{
		engine: e, config: c, items: items, background: true, requestBytes: c.RequestBytes, closed: make(chan struct{}),
	}
}

// beginLocked begins a flush of all items pushed so far. There is none under way.
func (s *stream) beginLocked(deadline time.Time) *flush {
	s.flushes++
	f := newFlush(s.flushes, s.items.sequence(), deadline)
	s.flush = f
	s.disarmLocked()
	return f
}

// startLocked chooses the first state of f, or the one after the probe of another signal, and adds its workers.
func (s *stream) startLocked(f *flush) {
	e, now := s.engine, time.Now()
	switch {
	case s.lastChanceLocked():
		f.becomeLocked(sending, shutdown)
	case e.breaker.State(now) != breaker.Closed && e.prober != nil:
		f.becomeLocked(waitingForProbe, probe)
	case e.breaker.State(now) != breaker.Closed:
		e.prober = f
		f.becomeLocked(probing, probe)
	case s.hold.State(now) != breaker.Closed:
		f.becomeLocked(probing, probe)
	default:
		f.becomeLocked(sending, normal)
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
	if f.state != probing {
		return
	}
	f.becomeLocked(sending, normal)
	s.endProbeLocked(f)
	s.addWorkersLocked(f)
}

// endProbeLocked says that f sends no probe of the breaker any more. The change of its state wakes the flushes that wait
// for the probe.
func (s *stream) endProbeLocked(f *flush) {
	if s.engine.prober == f {
		s.engine.prober = nil
	}
}

// toLastChanceLocked makes f the last chance of all items pushed so far.
func (s *stream) toLastChanceLocked(f *flush) {
	s.endProbeLocked(f)
	f.toShutdownLocked()
	f.extendLocked(s.items.sequence())
	s.addWorkersLocked(f)
}

// endLocked ends f, whose last worker has left, and provides for the items that are left.
func (s *stream) endLocked(f *flush) {
	f.gaveUp = !s.items.done(f.upTo)
	f.ownerless = f.unowned && f.callers == 0
	if f.gaveUp && f.err == nil && f.why == nil {
		f.why = context.Cause(f.ctx)
	}
	if f.backgroundTimer != nil {
		f.backgroundTimer.Stop()
	}
	s.flush = nil
	s.recordOutcomeLocked(f)
	s.endProbeLocked(f)
	f.becomeLocked(ended, f.policy)
	if f.dropReason != nil {
		s.dropReason = f.dropReason
	}
	waiting, enough := s.items.load()
	if waiting > 0 { // a threshold reached while f was under way
		s.exportLaterLocked(enough && (f.unowned || s.background) && !f.gaveUp)
	}
}

// deadlineLocked returns the time at which the attempts of f are over; false: there is none.
func (s *stream) deadlineLocked(f *flush) (time.Time, bool) {
	exit := s.engine.exitDeadline
	if s.engine.exitingLocked() && (f.held || !f.hasDeadline || exit.Before(f.deadline)) {
		return exit, true
	}
	return f.deadline, f.hasDeadline
}

// budgetLocked returns the time that f has in all for a batch; 0: no limit.
func (s *stream) budgetLocked(f *flush) time.Duration {
	limit := s.config.Timeout
	if f.policy.lastChance {
		limit = 0
	}
	at, ok := s.deadlineLocked(f)
	if !ok {
		return limit
	}
	if d := max(at.Sub(f.began), 1); limit <= 0 || d < limit {
		return d
	}
	return limit
}

// lastChanceLocked reports whether no later flush is certain: Shutdown was called or the exit deadline lies ahead.
func (s *stream) lastChanceLocked() bool { return s.shutDown || s.engine.exitingLocked() }

// setExitingLocked is Engine.SetExitDeadline for one signal.
func (s *stream) setExitingLocked(on bool) {
	s.items.setEager(on)
	f := s.flush
	switch {
	case on && f != nil:
		f.held = f.ctx.Err() == nil
		s.toLastChanceLocked(f)
	case on:
		if _, enough := s.items.load(); enough {
			s.exportLaterLocked(true)
		}
	case f != nil:
		f.held = false
		f.endWithLastLocked()
		if !s.shutDown {
			f.toNormalLocked()
		}
	}
}
