package invocations

import "time"

// Alarms wake the agent shortly before the deadlines of invocations in flight. No timer runs between invocations, so
// none fires at a thaw. The zero value wakes nothing.
type Alarms struct {
	// Plan returns when the agent flushes and when it ends open spans; zero times: never. It runs under the mutex of
	// the Table. Nil: never at all.
	Plan func(now, deadline time.Time) (flushAt, endSpansAt time.Time)

	// Ring is called on a goroutine of its own, at the earlier of the two times. It calls Rang.
	Ring func(*Invocation)
}

// set sets the alarm of an invocation that begins. The caller holds the mutex of the Table.
func (a *Alarms) set(inv *Invocation) {
	if a.Plan == nil {
		return
	}
	now := time.Now()
	at, endSpansAt := a.Plan(now, inv.deadline)
	inv.endSpansAt = endSpansAt
	if at.IsZero() {
		return
	}
	if !endSpansAt.IsZero() && endSpansAt.Before(at) {
		at = endSpansAt
	}
	inv.alarm = time.AfterFunc(at.Sub(now), func() { a.Ring(inv) })
}

// clearAlarm cancels the alarm of an invocation. The caller holds the mutex of the Table.
func (inv *Invocation) clearAlarm() {
	if inv.alarm != nil {
		inv.alarm.Stop()
		inv.alarm = nil
	}
}

// Rang is called when the alarm of inv has fired. It reports whether the agent must end the open spans of inv now, and
// then marks inv. It sets the alarm again if that comes later.
func (t *Table) Rang(inv *Invocation) (endSpans bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	switch {
	case inv.alarm == nil || inv.endSpansAt.IsZero(): // over meanwhile, or a flush is all there is to do
		return false
	case now.Before(inv.endSpansAt):
		inv.alarm.Reset(inv.endSpansAt.Sub(now))
		return false
	}
	inv.spansEnded = inv.root != [8]byte{}
	return inv.spansEnded
}
