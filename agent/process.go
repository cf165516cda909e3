package agent

import (
	"cmp"
	"context"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
)

// extensionsDir is where Lambda unpacks external extensions, a file each (AWS Lambda Developer Guide, Extensions API).
const extensionsDir = "/opt/extensions"

// Process is the process that the agent lives in. A zero field means the real one, so the zero Process is the process
// itself. Tests and emulated environments set the fields; see [WithProcess].
type Process struct {
	// Getenv reads an environment variable: the platform's AWS_* and the agent's EPILOGUE_*. Default os.Getenv.
	Getenv func(key string) string

	// Dial connects to the Extensions API. Default: DialContext of net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Notify and StopNotify replace Notify and Stop of os/signal. The agent calls StopNotify when Exit returns.
	Notify     func(c chan<- os.Signal, sig ...os.Signal)
	StopNotify func(c chan<- os.Signal)

	// Exit ends the process after SIGTERM or SIGINT. If it returns, the agent ends its goroutines and does nothing more.
	// Default os.Exit; then the agent also holds the garbage collector off during the shutdown, by debug.SetGCPercent
	// and debug.SetMemoryLimit, unless memory is short.
	Exit func(code int)

	// Done is closed when the process has ended, by Exit or otherwise. An emulated process cannot end its goroutines,
	// so the agent ends its own then. Default nil, never closed.
	Done <-chan struct{}

	// Stderr is where the agent's log goes inside Lambda, without [WithLogger]. Default os.Stderr.
	Stderr io.Writer

	// ExtensionsDir is the directory whose files are the external extensions. Default /opt/extensions.
	ExtensionsDir string

	realSignals bool                  // Notify is that of os/signal
	holdOffGC   func(memoryMB string) // does nothing if Exit may return
}

// withDefaults returns p with the defaults in every zero field.
func (p Process) withDefaults() Process {
	if p.Getenv == nil {
		p.Getenv = os.Getenv
	}
	if p.Dial == nil {
		p.Dial = (&net.Dialer{}).DialContext
	}
	if p.Notify == nil {
		p.Notify, p.realSignals = signal.Notify, true
	}
	if p.StopNotify == nil {
		p.StopNotify = signal.Stop
	}
	if p.Exit == nil {
		p.Exit, p.holdOffGC = os.Exit, holdOffGC
	} else {
		p.holdOffGC = func(string) {}
	}
	p.Stderr = cmp.Or[io.Writer](p.Stderr, os.Stderr)
	p.ExtensionsDir = cmp.Or(p.ExtensionsDir, extensionsDir)
	return p
}

// hasExternalExtensions reports whether another extension shares this environment, and so its shutdown.
func (p Process) hasExternalExtensions() bool {
	entries, _ := os.ReadDir(p.ExtensionsDir) // no such directory: nothing was unpacked into it
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !e.IsDir() })
}
