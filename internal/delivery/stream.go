package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/breaker"
)

// source is the Queue of a stream, whatever its items are. Its methods take Queue.mu.
type source interface {
	take(upTo uint64) parcel
	settled(upTo uint64) bool
	sequence() uint64
	load() (items int, enough bool)
	batches(upTo uint64) int
	setEager(on bool)
	close()
	closeExporter(ctx context.Context) error
	counts() Stats
	takeDrops() Dropped
	takeQueueFullDrops() int64
	pressure() (pending int, quarterFull, drops bool)
}

// stream is one signal on its way through an engine: its flushes and its timer. Engine.mu guards all fields but those of
// the first group.
type stream struct {
	engine *Engine
	config Config
	items  source

	exclusive bounded.Exclusive // the calls of a custom exporter
	closed    chan struct{}     // closed when the last shutdown has ended; closeErr is readable then

	flush        *flush // under way; nil: none
	flushes      uint64 // begun so far
	background   bool   // background export is on
	timer        *time.Timer
	armed        bool // the timer will fire
	hold         breaker.Breaker
	notBefore    time.Time // Retry-After
	requestBytes int       // the largest request; a 413 lowers it
	lastResponse time.Time
	dropReason   error // the backend's words about drops that no flush has reported

	shutDown     bool // Shutdown was called
	shuttingDown int  // callers of Shutdown whose flush has not ended
	noFlushes    bool // the last of them has left: no flush begins
	closeErr     error
}

// onThreshold begins a background flush for an event of the queue, or arms the timer.
func (s *stream) onThreshold(reached event) {
	e := s.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	last := s.lastChanceLocked()
	switch {
	case s.noFlushes:
	case s.flush != nil && reached == halfFull && last:
		s.flush.extendLocked(s.items.sequence())
		s.hireLocked(s.flush)
	case s.flush != nil: // its end looks at the queue again
	case reached == halfFull && (last || s.waitLocked() <= 0):
		s.beginBackgroundLocked()
	default:
		s.armLocked()
	}
}

// beginLocked begins a flush of all items pushed so far. There is none under way.
func (s *stream) beginLocked(deadline time.Time) *flush {
	e := s.engine
	s.flushes++
	f := newFlush(s.flushes, s.items.sequence(), deadline)
	switch {
	case s.lastChanceLocked():
		f.policy = shutdown
		close(f.lastChanced)
	case e.breaker.State(time.Now()) != breaker.Closed && e.prober != nil:
		f.policy, f.state = probe, waitingForProbe
	case e.breaker.State(time.Now()) != breaker.Closed:
		e.prober = f
		f.policy, f.state = probe, probing
	case s.hold.State(time.Now()) != breaker.Closed:
		f.policy, f.state = probe, probing
	}
	s.flush = f
	s.disarmLocked()
	s.hireLocked(f)
	if f.workers == 0 { // nothing waits: all items are with the workers of an earlier flush
		f.workers = 1
		e.requests++
		go s.work(f)
	}
	return f
}

// beginBackgroundLocked begins a flush that no caller waits for.
func (s *stream) beginBackgroundLocked() {
	f := s.beginLocked(s.withinExitLocked(s.defaultDeadline()))
	f.unowned = true
	if f.policy == normal {
		f.policy = background
	}
	if f.bounded {
		e := s.engine
		f.timers = append(f.timers, time.AfterFunc(time.Until(f.deadline), func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			f.disownLocked()
		}))
	}
}

// hireLocked gives f as many workers as it has batches for, one while its probe is under way.
func (s *stream) hireLocked(f *flush) {
	if !f.activeLocked() {
		return
	}
	batches := s.items.batches(f.upTo)
	if f.state != sending {
		batches = min(batches, 1-f.workers)
	}
	for ; batches > 0 && s.engine.mayHireLocked(f); batches-- {
		f.workers++
		s.engine.requests++
		go s.work(f)
	}
}

// armLocked sets the timer of the background export, if it is not set.
func (s *stream) armLocked() {
	if !s.background || s.armed || s.noFlushes {
		return
	}
	s.armed = true
	delay := max(s.config.Delay, s.waitLocked())
	if s.timer == nil {
		s.timer = time.AfterFunc(delay, s.onTimer)
		return
	}
	s.timer.Reset(delay)
}

func (s *stream) disarmLocked() {
	if s.armed {
		s.timer.Stop()
		s.armed = false
	}
}

// onTimer begins the background export.
func (s *stream) onTimer() {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if !s.armed { // switched off while it fired
		return
	}
	s.armed = false
	waiting, _ := s.items.load()
	switch {
	case waiting == 0 || s.flush != nil || s.noFlushes:
	case s.waitLocked() > 0: // a flush has failed since the timer was set
		s.armLocked()
	default:
		s.beginBackgroundLocked()
	}
}

// setBackground switches the background export on or off.
func (s *stream) setBackground(on bool) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.background = on
	waiting, _ := s.items.load()
	switch {
	case !on:
		s.disarmLocked()
	case waiting > 0 && s.flush == nil:
		s.armLocked()
	}
}

// setExitDeadlineLocked is Engine.SetExitDeadline for one signal.
func (s *stream) setExitDeadlineLocked(t time.Time) {
	if !s.engine.exitingLocked() {
		s.items.setEager(false)
		return
	}
	s.notBefore = time.Time{}
	s.items.setEager(true)
	if f := s.flush; f != nil {
		s.holdUntilLocked(f, t)
		f.toShutdownLocked(t)
		f.extendLocked(s.items.sequence())
		s.hireLocked(f)
		return
	}
	if _, enough := s.items.load(); enough && !s.noFlushes {
		s.beginBackgroundLocked()
	}
}

// holdUntilLocked keeps f under way until t, whoever else leaves it.
func (s *stream) holdUntilLocked(f *flush, t time.Time) {
	if !f.joinLocked(t) {
		return
	}
	mu := &s.engine.mu
	f.timers = append(f.timers, time.AfterFunc(time.Until(t), func() {
		mu.Lock()
		defer mu.Unlock()
		f.leaveLocked()
	}))
}

// endLocked ends f, whose last worker has left, and provides for the items that are left.
func (s *stream) endLocked(f *flush) {
	e := s.engine
	gaveUp := f.state == stopping
	f.advanceLocked(ended)
	f.state = ended
	f.gaveUp = gaveUp
	for _, timer := range f.timers {
		timer.Stop()
	}
	s.flush = nil
	s.judgeLocked(f)
	if e.prober == f {
		e.prober = nil
	}
	if f.dropReason != nil {
		s.dropReason = f.dropReason
	}
	waiting, enough := s.items.load()
	switch {
	case waiting == 0 || s.noFlushes:
	case enough && (f.unowned || s.background) && !gaveUp: // the event came while f was under way
		s.beginBackgroundLocked()
	default:
		s.armLocked()
	}
}

// judgeLocked draws the conclusions of an ended flush for the breaker and the hold.
func (s *stream) judgeLocked(f *flush) {
	if f.settled || f.firstRequest.IsZero() || !s.engine.limits.Breaker {
		return
	}
	now := f.leftAt // the process may have been frozen since
	if now.IsZero() {
		now = time.Now()
	}
	e := s.engine
	b := &e.breaker
	if f.responded || e.otherAnsweredLocked(s, f.began) {
		b = &s.hold
	}
	if f.responded || !f.cutShort {
		b.Failure(now, f.err)
		return
	}
	budget := f.budgetLocked(s.config.Timeout)
	enough := s.enoughSilence(b, budget)
	b.Unanswered(now, now.Sub(f.firstRequest), enough, f.err)
}

// enoughSilence returns how long flushes of budget wait in all before the missing answer is a failure of the backend.
func (s *stream) enoughSilence(b *breaker.Breaker, budget time.Duration) time.Duration {
	enough := b.ProbeTimeout(s.engine.usual, 0)
	if budget > 0 {
		enough = min(enough, budget/4*3)
	}
	return enough
}

// waitLocked returns for how long no request may be sent: the breaker or the hold is open, or Retry-After has not
// passed.
func (s *stream) waitLocked() time.Duration {
	now := time.Now()
	return max(s.engine.breaker.Wait(now), s.hold.Wait(now), breaker.Remaining(s.notBefore, now))
}

// refusalLocked returns why no flush may begin now; nil if one may.
func (s *stream) refusalLocked() error {
	now := time.Now()
	switch {
	case s.noFlushes:
		return errClosed
	case s.lastChanceLocked():
		return nil
	case s.engine.breaker.Wait(now) > 0:
		return openError("circuit breaker", s.engine.breaker.Wait(now), s.engine.breaker.Cause())
	case s.hold.Wait(now) > 0:
		return openError("hold on "+s.config.Signal.String(), s.hold.Wait(now), s.hold.Cause())
	}
	return nil
}

var errClosed = errors.New("the exporter is closed")

func openError(what string, wait time.Duration, cause error) error {
	return fmt.Errorf("the backend is down (%s open for another %s); last failure: %w", what, wait.Round(time.Millisecond), cause)
}

// lastChanceLocked reports whether no later flush is certain: Shutdown was called or the exit deadline lies ahead.
func (s *stream) lastChanceLocked() bool { return s.shutDown || s.engine.exitingLocked() }

// defaultDeadline is the deadline of a flush whose caller has none; zero: none.
func (s *stream) defaultDeadline() time.Time {
	if s.config.Timeout <= 0 {
		return time.Time{}
	}
	return time.Now().Add(s.config.Timeout)
}

// withinExitLocked returns deadline (zero: none) or the exit deadline, whichever is earlier.
func (s *stream) withinExitLocked(deadline time.Time) time.Time {
	exit := s.engine.exitDeadline
	if s.engine.exitingLocked() && (deadline.IsZero() || deadline.After(exit)) {
		return exit
	}
	return deadline
}

// stateLocked returns the state of the breaker or of the hold, whichever is further from closed. A flush that probes
// counts as half-open.
func (s *stream) stateLocked() breaker.State {
	now := time.Now()
	states := [...]breaker.State{s.engine.breaker.State(now), s.hold.State(now)}
	switch {
	case states == [2]breaker.State{}:
		return breaker.Closed
	case s.flush == nil && (states[0] == breaker.Open || states[1] == breaker.Open || breaker.Remaining(s.notBefore, now) > 0):
		return breaker.Open
	}
	return breaker.HalfOpen
}
