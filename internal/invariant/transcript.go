package invariant

import (
	"bytes"
	"sync"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// Kinds of events beside those of lambdatest and otlpreceiver.
const (
	KindSaid   eventlog.Kind = "function.said" // a line on the function's stderr; of a child it may come late
	KindSignal eventlog.Kind = "signal.sent"   // by the test, as a person would; Detail: which
)

// Transcript writes what a function prints into a log, a line an event of KindSaid. Set Log, and pass it as the
// environment's Stderr.
type Transcript struct {
	Log *eventlog.Log

	mu      sync.Mutex
	partial []byte
}

// Write implements io.Writer.
func (tr *Transcript) Write(b []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.partial = append(tr.partial, b...)
	for {
		line, rest, whole := bytes.Cut(tr.partial, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		tr.Log.Add(eventlog.Event{Kind: KindSaid, Detail: string(line)})
		tr.partial = rest
	}
}
