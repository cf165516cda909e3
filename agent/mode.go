package agent

import "sync/atomic"

// mode says where the agent runs, and so who flushes after an invocation. docs/design.md has the table.
type mode int32

const (
	notLambda           mode = iota // AWS_LAMBDA_RUNTIME_API is not set
	extension                       // registered for INVOKE
	shutdownOnly                    // registered for no event, in an environment that freezes
	managedInstances                // registered for no event, on Lambda Managed Instances
	unregistered                    // the registration failed: SIGTERM comes only if an external extension is there
	unregisteredManaged             // the same on Lambda Managed Instances
	extensionFailed                 // registered for INVOKE, but next is broken or brings no event; SIGTERM still comes
)

// String is the mode's name in Stats and in the log.
func (m mode) String() string {
	return [...]string{
		notLambda: "not-lambda", extension: "extension", shutdownOnly: "shutdown-only", managedInstances: "managed-instances",
		unregistered: "unregistered", unregisteredManaged: "managed-instances-unregistered", extensionFailed: "extension-failed",
	}[m]
}

// registered reports whether the platform knows the extension, and so sends SIGTERM.
func (m mode) registered() bool {
	return m != notLambda && m != unregistered && m != unregisteredManaged
}

// freezes reports whether the environment may freeze when the runtime and the extensions ask for the next event. If it
// does not, the Pipeline's background export flushes.
func (m mode) freezes() bool {
	return m != notLambda && m != managedInstances && m != unregisteredManaged
}

// loopFlushes reports whether the agent's goroutine holds the environment to flush after each invocation, after End and
// before it asks for the next event.
func (m mode) loopFlushes() bool { return m == extension }

// endFlushes reports whether End flushes, before the runtime asks for the next invocation, because nothing else does.
func (m mode) endFlushes() bool { return m.freezes() && !m.loopFlushes() }

// withoutRegistration is the mode instead of m if the registration fails. The environment freezes or not as before.
func (m mode) withoutRegistration() mode {
	if m.freezes() {
		return unregistered
	}
	return unregisteredManaged
}

// atomicMode is the agent's current mode. Start sets it. Then it only changes between extension and extensionFailed.
type atomicMode struct{ v atomic.Int32 }

func (a *atomicMode) load() mode                { return mode(a.v.Load()) }
func (a *atomicMode) store(m mode)              { a.v.Store(int32(m)) }
func (a *atomicMode) change(from, to mode) bool { return a.v.CompareAndSwap(int32(from), int32(to)) }
