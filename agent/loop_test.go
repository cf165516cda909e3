package agent

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/extensionsapi"
)

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
