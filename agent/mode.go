package agent

import "sync/atomic"

// mode says where the agent runs, and so who flushes. docs/design.md has the table.
type mode int32

const (
	notLambda           mode = iota // AWS_LAMBDA_RUNTIME_API is not set
	extension                       // registered for INVOKE
	shutdownOnly                    // registered for no event, in an environment that freezes
	managedInstances                // registered for no event, on Lambda Managed Instances
	unregistered                    // the registration failed: SIGTERM comes only if an external extension is there
	unregisteredManaged             // the same on Lambda Managed Instances
	extensionFailed                 // registered for INVOKE, but next is broken; SIGTERM still comes
)

// flushedBy says who flushes after an invocation.
type flushedBy int

const (
	byLoop  flushedBy = iota // the agent's goroutine, after End, before it asks for the next event
	byEnd                    // End itself, before the runtime asks for the next invocation
	byTimer                  // the Pipeline's background export
)

const (
	freezes, runsOn = true, false
	yes, no         = true, false
	off, on         = false, true
)

var modes = [...]struct {
	name             string
	registered       bool
	freezes          bool
	flushes          flushedBy
	backgroundExport bool
}{
	// name, registered, environment, who flushes, background export
	notLambda:           {"not-lambda", no, runsOn, byTimer, on},
	extension:           {"extension", yes, freezes, byLoop, off},
	shutdownOnly:        {"shutdown-only", yes, freezes, byEnd, off},
	managedInstances:    {"managed-instances", yes, runsOn, byTimer, on},
	unregistered:        {"unregistered", no, freezes, byEnd, off},
	unregisteredManaged: {"managed-instances-unregistered", no, runsOn, byTimer, on},
	extensionFailed:     {"extension-failed", yes, freezes, byEnd, off},
}

// String is the mode's name in Stats and in the log.
func (m mode) String() string { return modes[m].name }

// registered reports whether the platform knows the extension, and so sends SIGTERM.
func (m mode) registered() bool { return modes[m].registered }

// withoutRegistration is the mode instead of m if the registration fails. The environment freezes or not as before.
func (m mode) withoutRegistration() mode {
	if m.freezes() {
		return unregistered
	}
	return unregisteredManaged
}

// freezes reports whether the environment may freeze when the runtime and the extensions ask for the next event.
func (m mode) freezes() bool { return modes[m].freezes }

// loopFlushes reports whether the agent's goroutine holds the environment to flush after each invocation.
func (m mode) loopFlushes() bool { return modes[m].flushes == byLoop }

// endFlushes reports whether End flushes, because nothing else does.
func (m mode) endFlushes() bool { return modes[m].flushes == byEnd }

// backgroundExport reports whether the Pipeline exports by timer.
func (m mode) backgroundExport() bool { return modes[m].backgroundExport }

// atomicMode is the agent's current mode. Start sets it. Then only the loop changes it, between extension and
// extensionFailed.
type atomicMode struct{ v atomic.Int32 }

func (a *atomicMode) load() mode                { return mode(a.v.Load()) }
func (a *atomicMode) store(m mode)              { a.v.Store(int32(m)) }
func (a *atomicMode) change(from, to mode) bool { return a.v.CompareAndSwap(int32(from), int32(to)) }
