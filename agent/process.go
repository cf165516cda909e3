package agent

import (
	"cmp"
	"context"
	"net"
	"os"
	"os/signal"
)

// extensionsDir is where Lambda unpacks external extensions, a file each (AWS Lambda Developer Guide, Extensions API).
const extensionsDir = "/opt/extensions"

// Process is what the agent needs of the process it lives in. A zero field means the real thing, so the zero Process is
// the process itself; tests and emulated environments fill in their own. See [WithProcess].
type Process struct {
	// Getenv reads an environment variable: the platform's AWS_* and the agent's EPILOGUE_*. Default os.Getenv.
	Getenv func(key string) string

	// Dial connects to the Extensions API. Where it fails with net.ErrClosed, the process's network is gone for
	// good, and the process is taken to have ended. Default net.Dialer's DialContext.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Notify and StopNotify are os/signal's Notify and Stop. The agent stops what it has notified when Exit returns.
	Notify     func(c chan<- os.Signal, sig ...os.Signal)
	StopNotify func(c chan<- os.Signal)

	// Exit ends the process after SIGTERM or SIGINT. It may return or not; where it does, the agent ends its
	// goroutines and does nothing more. Default os.Exit, and then the garbage collector is put off from the signal on,
	// by debug.SetGCPercent and debug.SetMemoryLimit, unless memory is short.
	Exit func(code int)

	// Done is closed when the process has ended, be it by Exit or otherwise: an emulated process can not end its
	// goroutines, so the agent ends its own then. Default nil, never closed.
	Done <-chan struct{}

	// ExtensionsDir is the directory whose files are the external extensions. Default /opt/extensions.
	ExtensionsDir string

	putOffGC func(memoryMB string) // does nothing where Exit need not end the process
}

// withDefaults returns p with the real thing in every zero field.
func (p Process) withDefaults() Process {
	if p.Getenv == nil {
		p.Getenv = os.Getenv
	}
	if p.Dial == nil {
		p.Dial = (&net.Dialer{}).DialContext
	}
	if p.Notify == nil {
		p.Notify = signal.Notify
	}
	if p.StopNotify == nil {
		p.StopNotify = signal.Stop
	}
	if p.Exit == nil {
		p.Exit, p.putOffGC = os.Exit, putOffGC
	} else {
		p.putOffGC = func(string) {}
	}
	p.ExtensionsDir = cmp.Or(p.ExtensionsDir, extensionsDir)
	return p
}

// hasExternalExtensions reports whether another extension shares this environment, and so its shutdown.
func (p Process) hasExternalExtensions() bool {
	entries, err := os.ReadDir(p.ExtensionsDir)
	if err != nil {
		return false // no such directory: nothing was unpacked into it
	}
	for _, e := range entries {
		if !e.IsDir() {
			return true
		}
	}
	return false
}
