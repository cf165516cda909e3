package agent

import (
	"strconv"
	"testing"
	"time"
)

// TestBeginRacesWithTheStartWait is for the race detector: the deadline of an invocation may still come while it is released.
func TestBeginRacesWithTheStartWait(t *testing.T) {
	a := newAgent(t.Context(), MultiFlusher(), []Option{WithHandlerStartWait(0), WithProcess(Process{Getenv: func(string) string { return "" }})})
	for i := range 2000 {
		id := strconv.Itoa(i)
		inv := a.invocations.Invoke(id, time.Time{})
		done := make(chan struct{})
		go func() { defer close(done); a.awaitBegin(inv) }()
		a.invocations.Begin(id, time.Now().Add(time.Minute), [8]byte{1})
		<-done
	}
}
