package agent

import (
	"slices"
	"sync"
	"time"
)

// maxInvocations bounds how many invocations are remembered. One at a time is in flight in most functions, some tens on
// Managed Instances; the rest are past ones, kept so that a second End is recognized.
const maxInvocations = 256

// invocation is what is known of one, from three sides that report in any order: the handler (begun, ended), the
// platform (invoked), and the loop, which may let it go. Everything is level-triggered: what has happened stays
// visible, so nobody has to be waiting for it when it does.
type invocation struct {
	id string

	begun chan struct{} // closed by begin
	ended chan struct{} // closed by end, or when the invocation is forgotten, so that nobody waits for ever

	// The invocations' mutex guards the rest.
	deadline time.Time // zero: not known
	root     [8]byte   // the span id of its root span; zero: none
	alarm    *alarm    // its timeout guard; nil: none, or over
	invoked  bool      // its INVOKE event has come
	letGo    bool      // the loop does not wait for its end, which therefore flushes by itself
	forsaken bool      // it has ended, and the loop did not wait for its INVOKE event to flush it
	flushed  bool      // a flush for it has been made
	spent    bool      // that has failed: there is no second budget
}

func (inv *invocation) hasBegun() bool { return isClosed(inv.begun) }
func (inv *invocation) hasEnded() bool { return isClosed(inv.ended) }
func (inv *invocation) inFlight() bool { return inv.hasBegun() && !inv.hasEnded() }

// isClosed reports whether c, on which nothing is ever sent, has been closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// invocations are the last invocations by request id, oldest first. The zero value is ready.
//
// A request id can come again: Lambda retries a failed asynchronous invocation under the same one. So a begin after the
// end, or a second INVOKE, is that of a new invocation, which takes the place of the old.
type invocations struct {
	alarms alarms // set before the first use

	mu  sync.Mutex
	all []*invocation
}

// begin records that the handler runs, and reports whether that comes after the invocation was let go. A second begin
// before the end changes nothing.
func (v *invocations) begin(id string, deadline time.Time, root [8]byte) (late bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	inv := v.find(id)
	if inv == nil || inv.hasEnded() {
		inv = v.add(id)
	}
	if inv.hasBegun() {
		return false
	}
	inv.root = root
	if !deadline.IsZero() {
		inv.deadline = deadline
	}
	close(inv.begun)
	v.alarms.set(inv)
	return inv.letGo
}

// invoke records that the INVOKE event has come.
func (v *invocations) invoke(id string, deadline time.Time) *invocation {
	v.mu.Lock()
	defer v.mu.Unlock()
	inv := v.find(id)
	if inv == nil || inv.invoked {
		inv = v.add(id)
	}
	inv.invoked = true
	if !deadline.IsZero() {
		inv.deadline = deadline
	}
	return inv
}

// end records that the invocation has ended, and reports whether this is its first end and whether it had been let go.
func (v *invocations) end(id string) (first, letGo bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	inv := v.find(id)
	if inv == nil {
		inv = v.add(id)
	}
	if inv.hasEnded() {
		return false, false
	}
	close(inv.ended)
	v.alarms.clear(inv)
	return true, inv.letGo
}

// release says that nobody will wait for the end of inv, unless its handler has begun. It reports whether it did so.
func (v *invocations) release(inv *invocation) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if inv.hasBegun() {
		return false
	}
	inv.letGo = true
	return true
}

// isLetGo reports whether nobody waits for the end of the invocation.
func (v *invocations) isLetGo(id string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	inv := v.find(id)
	return inv != nil && inv.letGo
}

// noteFlush notes that a flush for the invocation has been made, and whether it has failed.
func (v *invocations) noteFlush(id string, failed bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if inv := v.find(id); inv != nil {
		inv.flushed, inv.spent = true, failed
	}
}

// isFlushed reports whether a flush for the invocation has been made.
func (v *invocations) isFlushed(id string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	inv := v.find(id)
	return inv != nil && inv.flushed
}

// isSpent reports whether a flush for the invocation has failed.
func (v *invocations) isSpent(id string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	inv := v.find(id)
	return inv != nil && inv.spent
}

// deadlineOf returns the invocation's deadline, zero where it is not known.
func (v *invocations) deadlineOf(id string) time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	if inv := v.find(id); inv != nil {
		return inv.deadline
	}
	return time.Time{}
}

// rootOf returns the span id of the invocation's root span, zero where it is not known.
func (v *invocations) rootOf(id string) [8]byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	if inv := v.find(id); inv != nil {
		return inv.root
	}
	return [8]byte{}
}

// forsake stops waiting for the INVOKE events of invocations that have ended without one, and reports whether any were
// found: nobody has flushed what they left. The deadline is the latest of theirs, zero where none is known.
func (v *invocations) forsake() (deadline time.Time, found bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, inv := range v.all {
		if inv.hasEnded() && !inv.invoked && !inv.forsaken {
			inv.forsaken, found = true, true
			if inv.deadline.After(deadline) {
				deadline = inv.deadline
			}
		}
	}
	return deadline, found
}

// roots returns the root span ids of the invocations in flight, a zero one where there is none.
func (v *invocations) roots() [][8]byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	var roots [][8]byte
	for _, inv := range v.all {
		if inv.inFlight() {
			roots = append(roots, inv.root)
		}
	}
	return roots
}

// find returns the invocation remembered under id, or nil. The youngest are looked at first.
func (v *invocations) find(id string) *invocation {
	for _, inv := range slices.Backward(v.all) {
		if inv.id == id {
			return inv
		}
	}
	return nil
}

// add remembers a new invocation in the place of an older one of the same id. Past the bound the oldest is forgotten
// that is not in flight, or the oldest of all.
func (v *invocations) add(id string) *invocation {
	inv := &invocation{id: id, begun: make(chan struct{}), ended: make(chan struct{})}
	if i := slices.IndexFunc(v.all, func(old *invocation) bool { return old.id == id }); i >= 0 {
		v.forget(i)
	} else if len(v.all) == maxInvocations {
		v.forget(max(0, slices.IndexFunc(v.all, func(old *invocation) bool { return !old.inFlight() })))
	}
	v.all = append(v.all, inv)
	return inv
}

// forget removes the i-th invocation and lets go whoever waits for its end.
func (v *invocations) forget(i int) {
	if inv := v.all[i]; !inv.hasEnded() {
		close(inv.ended)
		v.alarms.clear(inv)
	}
	v.all = slices.Delete(v.all, i, i+1)
}
