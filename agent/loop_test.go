package agent

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/extensionsapi"
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

// flushCounter is a Flusher that counts the calls of ForceFlush.
type flushCounter int

func (f *flushCounter) ForceFlush(context.Context) error { *f++; return nil }
func (*flushCounter) Shutdown(context.Context) error     { return nil }

// TestEndAfterTheDeadlineIsNotDeferred asserts that the strategy defers no flush at an end after the deadline: there may
// be no later one.
func TestEndAfterTheDeadlineIsNotDeferred(t *testing.T) {
	var flushes flushCounter
	process := Process{Getenv: func(string) string { return "" }}
	a := newAgent(t.Context(), &flushes, []Option{WithFlushStrategy(Periodic(time.Minute)), WithProcess(process)})
	a.Attach()
	for i, c := range []struct {
		left time.Duration
		want int
	}{{time.Minute, 1}, {time.Minute, 1}, {-time.Millisecond, 2}} {
		event := extensionsapi.Event{RequestID: strconv.Itoa(i), Deadline: time.Now().Add(c.left)}
		a.invocations.End(event.RequestID)
		a.invoked(event)
		if int(flushes) != c.want {
			t.Errorf("after invocation %d, %v before its deadline: %d flushes, want %d", i+1, c.left, flushes, c.want)
		}
	}
}
