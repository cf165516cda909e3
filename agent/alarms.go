package agent

import "time"

// alarms wake the agent shortly before the deadlines of invocations in flight. Timers are reused, so a warm invocation
// allocates none. No timer runs between invocations, so none fires at a thaw. The mutex of invocations guards them. The
// zero value sets no alarm.
type alarms struct {
	// plan returns when the agent flushes and when it ends open spans; zero times: never. Nil: never at all.
	plan func(now, deadline time.Time) (flushAt, endSpansAt time.Time)
	ring func(*invocation) // called on a goroutine of its own
	idle []*alarm          // not set
}

// alarm is a timer for one invocation at a time.
type alarm struct {
	timer *time.Timer
	inv   *invocation // changes only while the timer is not set
}

// set sets the alarm of an invocation that begins, to the earlier of its two times.
func (s *alarms) set(inv *invocation) {
	if s.plan == nil {
		return
	}
	now := time.Now()
	at, endSpansAt := s.plan(now, inv.deadline)
	inv.endSpansAt = endSpansAt
	if at.IsZero() {
		return
	}
	if !endSpansAt.IsZero() && endSpansAt.Before(at) {
		at = endSpansAt
	}
	if n := len(s.idle); n > 0 {
		inv.alarm, s.idle = s.idle[n-1], s.idle[:n-1]
		inv.alarm.inv = inv
		inv.alarm.timer.Reset(at.Sub(now))
		return
	}
	al := &alarm{inv: inv}
	al.timer = time.AfterFunc(at.Sub(now), func() { s.ring(al.inv) })
	inv.alarm = al
}

// clear cancels the alarm of an invocation. An alarm that has fired is not reused.
func (s *alarms) clear(inv *invocation) {
	al := inv.alarm
	inv.alarm = nil
	if al != nil && al.timer.Stop() {
		al.inv = nil
		s.idle = append(s.idle, al)
	}
}

// rang is called when the alarm of inv has fired. It reports whether the agent must end the open spans of inv now, with
// their root, and then marks inv. It sets the alarm again if that comes later.
func (v *invocations) rang(inv *invocation) (root [8]byte, endSpans bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	switch {
	case inv.alarm == nil || inv.endSpansAt.IsZero(): // over meanwhile, or a flush is all there is to do
		return root, false
	case now.Before(inv.endSpansAt):
		inv.alarm.timer.Reset(inv.endSpansAt.Sub(now))
		return root, false
	}
	inv.spansEnded = inv.root != [8]byte{}
	return inv.root, inv.spansEnded
}
