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

// idle is a Flusher that knows that nothing waits.
type idle struct{ nothing }

func (idle) Backlog() (waiting int, urgent bool) { return 0, false }

// BenchmarkEndWithNothingPending is what the end of an invocation costs in which nothing was sampled, between the end
// that the handler reports and the call for the next event.
func BenchmarkEndWithNothingPending(b *testing.B) {
	a := newAgent(context.Background(), idle{}, nil)
	defer a.stop()
	deadline := time.Now().Add(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if err := a.settle(deadline, true); err != nil {
			b.Fatal(err)
		}
	}
	if s := a.Stats(); s.Flushes > 0 || s.Idle == 0 {
		b.Fatalf("%+v", s)
	}
}
