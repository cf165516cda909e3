package integration

import (
	"bytes"
	"sync"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// Kinds of events beside those of lambdatest and otlpreceiver.
const (
	kindSaid   eventlog.Kind = "function.said" // a line on the function's stderr; of a child it may come late
	kindSignal eventlog.Kind = "signal.sent"   // by the test, as a person would; Detail: which
)

// transcript writes what a function prints into the log, a line an event.
type transcript struct {
	log *eventlog.Log

	mu      sync.Mutex
	partial []byte
}

func (tr *transcript) Write(b []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.partial = append(tr.partial, b...)
	for {
		line, rest, whole := bytes.Cut(tr.partial, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		tr.log.Add(eventlog.Event{Kind: kindSaid, Detail: string(line)})
		tr.partial = rest
	}
}
