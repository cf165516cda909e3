package agent

import (
	"sync"
	"time"
)

// maxPast bounds the past invocations that are remembered, so that a second End is recognized.
const maxPast = 256

// handlerState is the handler's side of an invocation.
type handlerState uint8

const (
	handlerNotStarted handlerState = iota
	handlerRunning                 // Begin was called
	handlerEnded                   // End was called
)

// eventState is the platform's side of an invocation: what the loop does about its INVOKE event.
type eventState uint8

const (
	eventAwaited  eventState = iota // has not come
	eventHeld                       // has come; the loop waits for the end
	eventReleased                   // has come; the loop does not wait, because no handler started in time
	eventOrphaned                   // the invocation ended, and the loop stopped waiting for the event to flush it
)

// flushState says whether the invocation has had its flush. There is no second one after a failure.
type flushState uint8

const (
	notFlushed flushState = iota
	flushed
	flushFailed
)

// invocation is the agent's knowledge of one invocation. Handler, platform and loop report in any order, so each state
// stays visible after it was reached.
type invocation struct {
	id string

	begun chan struct{} // closed by begin
	ended chan struct{} // closed by end, or when another invocation of the same id replaces this one

	// The mutex of invocations guards the rest.
	handler  handlerState
	event    eventState
	flush    flushState
	deadline time.Time // zero: not known
	root     [8]byte   // the span id of its root span; zero: none
	past     bool      // it is in the list of past invocations

	alarm      *alarm    // its timer before the deadline; nil: none, or over
	endSpansAt time.Time // when the agent ends its open spans; zero: never
	spansEnded bool      // the agent has ended them
}

func (inv *invocation) hasBegun() bool { return isClosed(inv.begun) }
func (inv *invocation) hasEnded() bool { return isClosed(inv.ended) }

// isClosed reports whether c, on which nothing is sent, has been closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// invocations are the invocations by request id: all that are in flight, and the last past ones. The zero value is
// ready.
//
// A request id can come again: Lambda retries a failed asynchronous invocation under the same id. So a begin after the
// end, or a second INVOKE, starts a new invocation, which replaces the old one.
type invocations struct {
	alarms alarms // set before the first use

	mu   sync.Mutex
	byID map[string]*invocation
	past []*invocation // oldest first
}

// begin records that the handler runs, and reports whether the loop had released the invocation before. A second begin
// before the end changes nothing.
func (v *invocations) begin(id string, deadline time.Time, root [8]byte) (late bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	inv := v.byID[id]
	if inv == nil || inv.handler == handlerEnded {
		inv = v.add(id)
	}
	if inv.handler == handlerRunning {
		return false
	}
	inv.handler, inv.root = handlerRunning, root
	if !deadline.IsZero() {
		inv.deadline = deadline
	}
	close(inv.begun)
	v.alarms.set(inv)
	return inv.event == eventReleased
}

// invoke records that the INVOKE event has come.
func (v *invocations) invoke(id string, deadline time.Time) *invocation {
	v.mu.Lock()
	defer v.mu.Unlock()
	inv := v.byID[id]
	if inv == nil || inv.event == eventHeld || inv.event == eventReleased {
		inv = v.add(id)
	}
	inv.event = eventHeld
	if !deadline.IsZero() {
		inv.deadline = deadline
	}
	return inv
}

// ending is an invocation at its end.
type ending struct {
	inv        *invocation
	first      bool // this is its first end
	released   bool // the loop does not wait for it
	flush      flushState
	deadline   time.Time
	spansEnded bool
}

// end records that the invocation has ended.
func (v *invocations) end(id string) ending {
	v.mu.Lock()
	defer v.mu.Unlock()
	inv := v.byID[id]
	if inv == nil {
		inv = v.add(id)
	}
	e := ending{
		inv: inv, first: inv.handler != handlerEnded, released: inv.event == eventReleased,
		flush: inv.flush, deadline: inv.deadline, spansEnded: inv.spansEnded,
	}
	if e.first {
		inv.handler = handlerEnded
		close(inv.ended)
		v.alarms.clear(inv)
		v.addPast(inv)
	}
	return e
}

// release makes the loop not wait for inv, unless its handler has started. It reports whether it did so.
func (v *invocations) release(inv *invocation) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if inv.handler != handlerNotStarted {
		return false
	}
	inv.event = eventReleased
	v.addPast(inv)
	return true
}

// forgettable says that the loop is through with inv, whether it has ended or not.
func (v *invocations) forgettable(inv *invocation) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.addPast(inv)
}

// isReleased reports whether the loop does not wait for the end of the invocation.
func (v *invocations) isReleased(id string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	inv := v.byID[id]
	return inv != nil && inv.event == eventReleased
}

// find returns the invocation with its deadline and its root; nil and zero values if it is not known.
func (v *invocations) find(id string) (inv *invocation, deadline time.Time, root [8]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if inv = v.byID[id]; inv == nil {
		return nil, deadline, root
	}
	return inv, inv.deadline, inv.root
}

// deadlineOf returns the deadline of inv.
func (v *invocations) deadlineOf(inv *invocation) time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return inv.deadline
}

// recordFlush records a flush for inv, which may be nil.
func (v *invocations) recordFlush(inv *invocation, err error) {
	if inv == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	inv.flush = flushed
	if err != nil {
		inv.flush = flushFailed
	}
}

// hasFailedFlush reports whether the flush for inv has failed.
func (v *invocations) hasFailedFlush(inv *invocation) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return inv.flush == flushFailed
}

// orphan stops waiting for the INVOKE events of invocations that have ended without one, and reports whether there were
// any: the loop must flush for them. The deadline is the latest of theirs; zero if none is known.
func (v *invocations) orphan() (deadline time.Time, found bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, inv := range v.byID {
		if inv.handler == handlerEnded && inv.event == eventAwaited {
			inv.event, found = eventOrphaned, true
			if inv.deadline.After(deadline) {
				deadline = inv.deadline
			}
		}
	}
	return deadline, found
}

// inFlight returns how many handlers run, and the root span ids of those that have one.
func (v *invocations) inFlight() (n int, roots [][8]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, inv := range v.byID {
		if inv.handler != handlerRunning {
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
func (v *invocations) add(id string) *invocation {
	if old := v.byID[id]; old != nil && !old.hasEnded() {
		close(old.ended) // nothing else will
		v.alarms.clear(old)
	}
	inv := &invocation{id: id, begun: make(chan struct{}), ended: make(chan struct{})}
	if v.byID == nil {
		v.byID = map[string]*invocation{}
	}
	v.byID[id] = inv
	return inv
}

// addPast puts inv among the past invocations, of which the oldest is forgotten, unless its handler runs by now. The
// caller holds the mutex.
func (v *invocations) addPast(inv *invocation) {
	if inv.past {
		return
	}
	inv.past = true
	v.past = append(v.past, inv)
	if len(v.past) <= maxPast {
		return
	}
	old := v.past[0]
	v.past[0] = nil
	v.past = v.past[1:]
	old.past = false
	if old.handler != handlerRunning && v.byID[old.id] == old {
		delete(v.byID, old.id)
	}
}
