package delivery

import (
	"context"
	"time"
)

// onThreshold begins a background flush for an event of the queue, or arms the timer.
func (s *stream) onThreshold(reached event) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if f := s.flush; f != nil { // otherwise its end looks at the queue again
		if reached == halfFull && s.lastChanceLocked() {
			f.extendLocked(s.items.sequence())
			s.addWorkersLocked(f)
		}
		return
	}
	s.exportLaterLocked(reached == halfFull)
}

// exportLaterLocked provides for items without a flush: a background flush at once if it may begin, otherwise one by
// timer.
func (s *stream) exportLaterLocked(atOnce bool) {
	switch {
	case s.noFlushes:
	case atOnce && (s.lastChanceLocked() || s.waitLocked() <= 0):
		s.beginBackgroundLocked()
	default:
		s.armLocked()
	}
}

// beginBackgroundLocked begins a flush that no caller waits for.
func (s *stream) beginBackgroundLocked() {
	f := s.beginLocked(s.defaultDeadline())
	f.unowned, f.backgroundWaits = true, true
	if f.hasDeadline {
		mu := &s.engine.mu
		f.backgroundTimer = time.AfterFunc(time.Until(f.deadline), func() {
			mu.Lock()
			defer mu.Unlock()
			f.leaveBackgroundLocked()
		})
	}
	s.startLocked(f)
}

// takeOverLocked makes a caller's flush of one that the background has begun: it ends with its last caller.
func (f *flush) takeOverLocked() {
	f.unowned = false
	f.leaveBackgroundLocked()
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
	if waiting, _ := s.items.load(); waiting > 0 && s.flush == nil {
		s.exportLaterLocked(true)
	}
}

// setBackground switches the background export on or off.
func (s *stream) setBackground(on bool) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.background = on && !s.shutDown
	waiting, _ := s.items.load()
	switch {
	case !on:
		s.disarmLocked()
	case waiting > 0 && s.flush == nil:
		s.armLocked()
	}
}

// defaultDeadline is the deadline of a background flush, and of callers without one; zero: none.
func (s *stream) defaultDeadline() time.Time {
	if s.config.Timeout <= 0 {
		return time.Time{}
	}
	return time.Now().Add(s.config.Timeout)
}

// withDeadline gives the context of a caller that has no deadline the default one.
func (s *stream) withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline := s.defaultDeadline()
	if _, ok := ctx.Deadline(); ok || deadline.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline)
}
