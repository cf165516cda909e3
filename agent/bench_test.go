package agent

import (
	"context"
	"testing"
	"time"
)

// nothing is a Flusher that has nothing to do.
type nothing struct{}

func (nothing) ForceFlush(context.Context) error { return nil }
func (nothing) Shutdown(context.Context) error   { return nil }

// BenchmarkFlush is what the agent adds to a flush: budget, flight, and the guards around the Flusher.
func BenchmarkFlush(b *testing.B) {
	a := newAgent(context.Background(), nothing{}, nil)
	defer a.stop()
	deadline := time.Now().Add(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if err := a.flushFor(deadline); err != nil {
			b.Fatal(err)
		}
	}
}
