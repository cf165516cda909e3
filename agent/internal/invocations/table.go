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
type Table struct {
	Alarms Alarms // set before the first use

	mu   sync.Mutex
	byID map[string]*Invocation
	past []*Invocation // oldest first
}

// Begin records that the handler runs, and reports whether the loop had released the invocation before. A second Begin
// before the end changes nothing.
func (t *Table) Begin(id string, deadline time.Time, root [8]byte) (late bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	inv := t.byID[id]
	if inv == nil || inv.handler == ended {
		inv = t.add(id)
	}
	if inv.handler == running {
		return false
	}
	inv.handler, inv.root = running, root
	if !deadline.IsZero() {
		inv.deadline = deadline
	}
	close(inv.begun)
	t.Alarms.set(inv)
	return inv.event == released
}

// Invoke records that the INVOKE event has come.
func (t *Table) Invoke(id string, deadline time.Time) *Invocation {
	t.mu.Lock()
	defer t.mu.Unlock()
	inv := t.byID[id]
	if inv == nil || inv.event == held || inv.event == released {
		inv = t.add(id)
	}
	inv.event = held
	if !deadline.IsZero() {
		inv.deadline = deadline
	}
	return inv
}

// End records that the invocation has ended, and reports whether it is its first end.
func (t *Table) End(id string) (s Snapshot, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	inv := t.byID[id]
	if inv == nil {
		inv = t.add(id)
	}
	if inv.handler == ended {
		return inv.snapshot(), false
	}
	inv.handler = ended
	close(inv.ended)
	inv.clearAlarm()
	t.addPast(inv)
	return inv.snapshot(), true
}

// Release makes the loop not wait for inv, unless its handler has started. It reports whether it did so.
func (t *Table) Release(inv *Invocation) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if inv.handler != notStarted {
		return false
	}
	inv.event = released
	t.addPast(inv)
	return true
}

// Handled says that the loop has handled the INVOKE event of inv, whether inv has ended or not. So inv may be forgotten.
func (t *Table) Handled(inv *Invocation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.addPast(inv)
}

// Find returns the invocation of an id.
func (t *Table) Find(id string) (s Snapshot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if inv := t.byID[id]; inv != nil {
		return inv.snapshot()
	}
	return s
}

// Snapshot returns the state of inv.
func (t *Table) Snapshot(inv *Invocation) Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	return inv.snapshot()
}

// RecordFlush records a flush for inv, which may be nil.
func (t *Table) RecordFlush(inv *Invocation, err error) {
	if inv == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	inv.flush = Flushed
	if err != nil {
		inv.flush = FlushFailed
	}
}

// ExitSet records that the Pipeline has an exit deadline in case inv times out. It reports false if inv has ended
// meanwhile, so that nothing else clears the deadline.
func (t *Table) ExitSet(inv *Invocation) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	inv.exitSet = inv.handler != ended
	return inv.exitSet
}

// ExitCertain records that the process exits after inv even if inv does not time out. So the end of inv does not clear
// the exit deadline. inv may be nil.
func (t *Table) ExitCertain(inv *Invocation) {
	if inv == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	inv.exitSet = false
}

// Orphan stops waiting for the INVOKE events of invocations that have ended without one, and reports whether there were
// any: the loop must flush for them. The deadline is the latest of theirs; zero if none is known.
func (t *Table) Orphan() (deadline time.Time, found bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, inv := range t.byID {
		if inv.handler == ended && inv.event == awaited {
			inv.event, found = orphaned, true
			if inv.deadline.After(deadline) {
				deadline = inv.deadline
			}
		}
	}
	return deadline, found
}

// InFlight returns how many handlers run, and the root span ids of those that have one.
func (t *Table) InFlight() (n int, roots [][8]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, inv := range t.byID {
		if inv.handler != running {
			continue
		}
		n++
		if inv.root != [8]byte{} {
			roots = append(roots, inv.root)
		}
	}
	return n, roots
}

// add remembers a new invocation, which replaces an older one of the same id. The caller holds the mutex.
func (t *Table) add(id string) *Invocation {
	if old := t.byID[id]; old != nil && !old.HasEnded() {
		close(old.ended) // nothing else will
		old.clearAlarm()
	}
	inv := &Invocation{ID: id, begun: make(chan struct{}), ended: make(chan struct{})}
	if t.byID == nil {
		t.byID = map[string]*Invocation{}
	}
	t.byID[id] = inv
	return inv
}

// addPast puts inv among the past invocations, of which the oldest is forgotten, unless its handler runs by now. The
// caller holds the mutex.
func (t *Table) addPast(inv *Invocation) {
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
	if old.handler != running && t.byID[old.ID] == old {
		delete(t.byID, old.ID)
	}
}
