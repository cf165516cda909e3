package invocations

import "time"

// Invocation is one invocation. Handler and platform report in any order, so each has a state of its own:
//
//	handler   not started ──Begin──▶ running ──End──▶ ended
//	               └────────────────End─────────────────┘
//	event     awaited ──Invoke──▶ held ──Release──▶ released
//	flush     NotFlushed ──RecordFlush, Orphans──▶ Flushed or FlushFailed
//
// Only the methods of Table that the drawing names change a state.
type Invocation struct {
	ID string

	begun chan struct{} // closed by Begin
	ended chan struct{} // closed by End, or when another invocation of the same id replaces this one

	// The mutex of Table guards the rest.
	State
	past       bool          // it is in the list of past invocations
	alarms     []*time.Timer // stopped by the end
	invokeLate *time.Timer   // of AwaitInvoke; nil: none
}

// State is the state of an invocation.
type State struct {
	Deadline   time.Time // zero: not known
	Root       [8]byte   // the span id of its root span; zero: none
	Flush      FlushState
	Rang       bool // an alarm has fired
	SpansEnded bool // the agent has ended its open spans before the deadline

	event eventState
}

// Released reports whether the loop does not wait for the end.
func (s State) Released() bool { return s.event == released }

// Snapshot is the state of an invocation at one moment. The zero Snapshot is that of an unknown invocation.
type Snapshot struct {
	State

	Invocation *Invocation
}

func (inv *Invocation) snapshotLocked() Snapshot { return Snapshot{inv.State, inv} }

// eventState is the platform's side of an invocation: what the loop does about its INVOKE event.
type eventState uint8

const (
	awaited  eventState = iota // has not come
	held                       // has come; the loop waits for the end
	released                   // has come; the loop does not wait, because no handler started in time
)

// FlushState says whether the invocation has had its flush. There is no second one after a failure.
type FlushState uint8

// The states of an invocation's flush.
const (
	NotFlushed FlushState = iota
	Flushed
	FlushFailed
)

// Begun returns a channel that is closed when the handler has started.
func (inv *Invocation) Begun() <-chan struct{} { return inv.begun }

// Ended returns a channel that is closed when the invocation has ended.
func (inv *Invocation) Ended() <-chan struct{} { return inv.ended }

// HasBegun reports whether the handler has started.
func (inv *Invocation) HasBegun() bool { return isClosed(inv.begun) }

// HasEnded reports whether the invocation has ended.
func (inv *Invocation) HasEnded() bool { return isClosed(inv.ended) }

func (inv *Invocation) isRunning() bool { return inv.HasBegun() && !inv.HasEnded() }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
