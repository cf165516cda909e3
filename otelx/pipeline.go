package otelx

import (
	"context"
	"time"

	"github.com/epilogue-go/epilogue/internal/counts"
)

// Pending returns how many spans wait or are being sent, and whether they must be flushed now.
func (s *SDK) Pending() (n int, flushNow bool) { return s.Backlog() }

// SetBackgroundExport switches the export by timer on or off.
func (s *SDK) SetBackgroundExport(on bool) { s.SetIntervalFlush(on) }

// EndOpenSpans ends the open spans at and under the roots, or all open spans if roots is nil.
func (s *SDK) EndOpenSpans(roots [][8]byte, errorType, reason string) (n int) {
	if roots == nil {
		return s.EndOpenAs([8]byte{}, errorType, reason)
	}
	for _, root := range roots {
		n += s.EndOpenAs(root, errorType, reason)
	}
	return n
}

// SetExitDeadline tells the SDK that the process exits at t. The zero time clears it.
func (s *SDK) SetExitDeadline(t time.Time) { s.Hasten(t) }

// SpillPending writes the pending spans to the configured writer until ctx ends, and returns how many.
func (s *SDK) SpillPending(ctx context.Context) int { return s.WriteOut(ctx) }

// Counts returns the delivery counts of traces.
func (s *SDK) Counts() []counts.Signal {
	stats := s.Stats()
	spilled := min(stats.WrittenOut, stats.Pending)
	return []counts.Signal{{
		Name: "traces", Ended: stats.Ended, Exported: stats.Exported, Pending: stats.Pending - spilled,
		Dropped: stats.Dropped.Total(), Spilled: spilled,
	}}
}
