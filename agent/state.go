package agent

import "sync/atomic"

// state is a row of the table in the package's documentation: where the agent lives, and so who flushes.
type state int32

const (
	outside    state = iota // not in Lambda: AWS_LAMBDA_RUNTIME_API is not set
	classic                 // registered for INVOKE
	signalOnly              // registered for no event, in an environment that freezes
	managed                 // registered for no event, on Lambda Managed Instances
	detached                // in Lambda, but not registered, or next is broken
)

// flushedBy says who flushes an invocation.
type flushedBy int

const (
	byLoop     flushedBy = iota // the agent's goroutine, after End, before it asks for the next event
	byEnd                       // End itself, before the runtime asks for the next invocation
	byInterval                  // the Flusher, by its own timer
)

const (
	freezes, runsOn = true, false
	off, on         = false, true
)

// states is the table.
var states = [...]struct {
	name          string
	freezes       bool
	flushes       flushedBy
	intervalFlush bool
}{
	//           name           environment  who flushes  interval flush
	outside:    {"outside", runsOn, byInterval, on},
	classic:    {"classic", freezes, byLoop, off},
	signalOnly: {"signal-only", freezes, byEnd, off},
	managed:    {"managed", runsOn, byInterval, on},
	detached:   {"detached", freezes, byEnd, off},
}

// String is the state's name in Stats and in the log.
func (s state) String() string { return states[s].name }

// freezes reports whether the environment may freeze as soon as the runtime and the extensions ask for the next event.
func (s state) freezes() bool { return states[s].freezes }

// loopFlushes reports whether the agent's goroutine holds the environment to flush after each invocation.
func (s state) loopFlushes() bool { return states[s].flushes == byLoop }

// endFlushes reports whether the end of an invocation has to flush because nothing else will.
func (s state) endFlushes() bool { return states[s].flushes == byEnd }

// intervalFlush reports whether the Flusher may flush by a timer of its own.
func (s state) intervalFlush() bool { return states[s].intervalFlush }

// atomicState is the agent's state now. Start sets it; afterwards the loop alone changes it, between classic and
// detached.
type atomicState struct{ v atomic.Int32 }

func (a *atomicState) load() state                { return state(a.v.Load()) }
func (a *atomicState) store(s state)              { a.v.Store(int32(s)) }
func (a *atomicState) change(from, to state) bool { return a.v.CompareAndSwap(int32(from), int32(to)) }
