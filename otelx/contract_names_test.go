package otelx_test

import (
	"context"
	"io"
	"time"

	"github.com/epilogue-go/epilogue/otelx"
)

func setExitDeadline(s *otelx.SDK, t time.Time)   { s.SetExitDeadline(t) }
func setBackgroundExport(s *otelx.SDK, on bool)   { s.SetBackgroundExport(on) }
func pending(s *otelx.SDK) (n int, flushNow bool) { return s.Pending() }
func spill(s *otelx.SDK, ctx context.Context) int { return s.SpillPending(ctx) } //nolint:revive // the SDK is the subject
func withSpill(w io.Writer) otelx.Option          { return otelx.WithSpill(w) }
func withQueue(bound, batch int) otelx.Option {
	return otelx.Options(otelx.WithMaxQueueSize(bound), otelx.WithMaxExportBatchSize(batch))
}

func endOpenSpans(s *otelx.SDK, roots [][8]byte, errorType, reason string) int {
	return s.EndOpenSpans(roots, errorType, reason)
}

// spanCounts are the delivery counts of spans.
type spanCounts struct {
	ended, exported, pending, spilled int64
	dropped                           otelx.Dropped
}

func (c spanCounts) addUp() bool {
	return c.ended == c.exported+c.pending+c.spilled+c.dropped.Total()
}

func countsOf(s *otelx.SDK) spanCounts {
	st := s.Stats()
	return spanCounts{st.Ended, st.Exported, st.Pending, st.Spilled, st.Dropped}
}
