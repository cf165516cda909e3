package delivery

import "time"

// onThresholdLocked begins a background flush for an event of the backlog, or arms the timer.
func (s *stream) onThresholdLocked(reached event) {
	switch {
	case reached == noEvent:
	case s.flush == nil:
		s.exportLaterLocked(reached == halfFull)
	case reached == halfFull && s.lastChanceLocked(): // otherwise the end of the flush looks at the backlog again
		s.extendLocked(s.flush)
	}
}

// exportLaterLocked provides for items without a flush: a background flush at once if it may begin, otherwise one by
// timer.
func (s *stream) exportLaterLocked(atOnce bool) {
	switch {
	case s.noFlushes:
	case atOnce && (s.lastChanceLocked() || s.backgroundWaitLocked() <= 0):
		f := s.beginLocked()
		f.background = true
		s.startLocked(f)
	default:
		s.armLocked()
	}
}

// armLocked sets the timer of the background export, if it is not set.
func (s *stream) armLocked() {
	if !s.background || s.armed || s.noFlushes {
		return
	}
	s.armed = true
	delay := max(s.config.Delay, s.backgroundWaitLocked())
	if s.timer == nil {
		s.timer = time.AfterFunc(delay, s.onTimer)
		return
	}
	s.timer.Reset(delay)
}

// backgroundWaitLocked returns for how long no background flush may begin. Some failures leave the breaker closed: those of a
// custom exporter that fails at once, or of a destination without a breaker. The pauses after them keep a short export delay
// from becoming a loop.
func (s *stream) backgroundWaitLocked() time.Duration {
	return max(s.waitLocked(), s.failing.Wait(time.Now()))
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
	if s.items.load() > 0 && s.flush == nil {
		s.exportLaterLocked(true)
	}
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
	case s.items.load() > 0 && s.flush == nil:
		s.armLocked()
	}
}
