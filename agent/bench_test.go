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

// BenchmarkFlush measures what the agent adds to a flush.
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

// idle is a Pipeline with nothing pending.
type idle struct{ nothing }

func (idle) Flush(context.Context) error                    { return nil }
func (idle) Pending() (n int, flushNow bool)                { return 0, false }
func (idle) SetBackgroundExport(bool)                       {}
func (idle) EndOpenSpans([][8]byte, string, string) (n int) { return 0 }
func (idle) SetExitDeadline(time.Time)                      {}
func (idle) SpillPending(context.Context) (n int)           { return 0 }
func (idle) Counts() []SignalCounts                         { return nil }

// BenchmarkEndWithNothingPending is what the end of an invocation costs in which nothing was sampled, between the end
// that the handler reports and the call for the next event.
func BenchmarkEndWithNothingPending(b *testing.B) {
	a := newAgent(context.Background(), idle{}, nil)
	defer a.stop()
	deadline := time.Now().Add(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if err := a.flushAtEnd(deadline, true); err != nil {
			b.Fatal(err)
		}
	}
	if s := a.Stats(); s.Flushes > 0 || s.EmptyFlushesSkipped == 0 {
		b.Fatalf("%+v", s)
	}
}
