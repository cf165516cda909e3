// Package invocations keeps the invocations by request id, with the reports of the handler and of the platform about
// each, and wakes the agent before their deadlines.
package invocations

import (
	"sync"
	"time"
)

// maxPast bounds the past invocations that are remembered, so that a second End is recognized.
const maxPast = 256

// Table has all invocations in flight, and the last past ones. The zero value is ready.
//
// A request id can come again: Lambda retries a failed asynchronous invocation under the same id. So a Begin after the
// end, or a second Invoke, starts a new invocation, which replaces the old one.
//
// Functions whose names end in Locked, also those of Invocation, require mu.
type Table struct {
	mu   sync.Mutex
	byID map[string]*Invocation
	past []*Invocation // oldest first
}

// Begin records that the handler runs. A second Begin before the end changes nothing, and is not the first.
func (t *Table) Begin(id string, deadline time.Time, root [8]byte) (s Snapshot, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	inv := t.byID[id]
	if inv == nil || inv.HasEnded() {
		inv = t.addLocked(id)
	}
	if inv.HasBegun() {
		return inv.snapshotLocked(), false
	}
	inv.Root = root
	if !deadline.IsZero() {
		inv.Deadline = deadline
	}
	close(inv.begun)
	return inv.snapshotLocked(), true
}

// Invoke records that the INVOKE event has come.
func (t *Table) Invoke(id string, deadline time.Time) *Invocation {
	t.mu.Lock()
	defer t.mu.Unlock()
	inv := t.byID[id]
	if inv == nil || inv.event != awaited {
		inv = t.addLocked(id)
	}
	inv.event = held
	if inv.invokeLate != nil {
		inv.invokeLate.Stop()
	}
	if !deadline.IsZero() {
		inv.Deadline = deadline
	}
	return inv
}

// End records that the invocation has ended, and reports whether it is its first end.
func (t *Table) End(id string) (s Snapshot, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	inv := t.byID[id]
	if inv == nil {
		inv = t.addLocked(id)
	}
	if inv.HasEnded() {
		return inv.snapshotLocked(), false
	}
	inv.endLocked()
	t.addPastLocked(inv)
	return inv.snapshotLocked(), true
}

// Release makes the loop not wait for inv, unless its handler has started. It reports whether it did so.
func (t *Table) Release(inv *Invocation) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if inv.HasBegun() || inv.HasEnded() {
		return false
	}
	inv.event = released
	t.addPastLocked(inv)
	return true
}

// SetAlarm calls ring at that time, on a goroutine of its own, unless inv has ended by then. endSpans says that ring ends
// the open spans of inv. The end of inv stops its alarms, so none fires at a thaw.
func (t *Table) SetAlarm(inv *Invocation, at time.Time, endSpans bool, ring func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if inv.HasEnded() {
		return
	}
	inv.alarms = append(inv.alarms, time.AfterFunc(time.Until(at), func() {
		if t.rings(inv, endSpans) {
			ring()
		}
	}))
}

func (t *Table) rings(inv *Invocation, endSpans bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if inv.HasEnded() {
		return false
	}
	inv.Rang = true
	inv.SpansEnded = inv.SpansEnded || endSpans
	return true
}

// AwaitInvoke calls late, on a goroutine of its own, if the INVOKE event of inv does not come within d.
func (t *Table) AwaitInvoke(inv *Invocation, d time.Duration, late func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if inv.event == awaited {
		inv.invokeLate = time.AfterFunc(d, late)
	}
}

// Find returns the invocation of an id.
func (t *Table) Find(id string) (s Snapshot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if inv := t.byID[id]; inv != nil {
		return inv.snapshotLocked()
	}
	return s
}

// Snapshot returns the state of inv.
func (t *Table) Snapshot(inv *Invocation) Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	return inv.snapshotLocked()
}

// RecordFlush records a flush for inv, which may be nil.
func (t *Table) RecordFlush(inv *Invocation, err error) {
	if inv == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	inv.Flush = Flushed
	if err != nil {
		inv.Flush = FlushFailed
	}
}

// Orphans reports whether invocations have ended without their INVOKE events and without a flush. The caller flushes for
// them, so it reports each once. The deadline is the latest of theirs; zero if none is known.
func (t *Table) Orphans() (deadline time.Time, found bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, inv := range t.past {
		if inv.event != awaited || inv.Flush != NotFlushed || !inv.HasEnded() {
			continue
		}
		inv.Flush, found = Flushed, true
		if inv.Deadline.After(deadline) {
			deadline = inv.Deadline
		}
	}
	return deadline, found
}

// InFlight returns the request ids of the handlers that run, and the root span ids of those that have one.
func (t *Table) InFlight() (ids []string, roots [][8]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, inv := range t.byID {
		if !inv.isRunning() {
			continue
		}
		ids = append(ids, inv.ID)
		if inv.Root != [8]byte{} {
			roots = append(roots, inv.Root)
		}
	}
	return ids, roots
}

// addLocked remembers a new invocation, which replaces an older one of the same id.
func (t *Table) addLocked(id string) *Invocation {
	if old := t.byID[id]; old != nil && !old.HasEnded() {
		old.endLocked() // nothing else will
	}
	inv := &Invocation{ID: id, begun: make(chan struct{}), ended: make(chan struct{})}
	if t.byID == nil {
		t.byID = map[string]*Invocation{}
	}
	t.byID[id] = inv
	return inv
}

// endLocked ends inv, which has not ended.
func (inv *Invocation) endLocked() {
	close(inv.ended)
	for _, alarm := range inv.alarms {
		alarm.Stop()
	}
}

// addPastLocked puts inv among the past invocations, of which the oldest is forgotten, unless its handler runs by now.
func (t *Table) addPastLocked(inv *Invocation) {
	if inv.past {
		return
	}
	inv.past = true
	t.past = append(t.past, inv)
	if len(t.past) <= maxPast {
		return
	}
	old := t.past[0]
	t.past[0] = nil
	t.past = t.past[1:]
	old.past = false
	if !old.isRunning() && t.byID[old.ID] == old {
		delete(t.byID, old.ID)
	}
}
