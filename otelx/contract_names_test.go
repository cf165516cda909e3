package otelx_test

import (
	"context"
	"io"
	"time"

	"github.com/epilogue-go/epilogue/otelx"
)

// This file is the only one of the contract tests that uses names which are about to change.

func setExitDeadline(s *otelx.SDK, t time.Time)   { s.Hasten(t) }
func setBackgroundExport(s *otelx.SDK, on bool)   { s.SetIntervalFlush(on) }
func pending(s *otelx.SDK) (n int, flushNow bool) { return s.Backlog() }
func spill(s *otelx.SDK, ctx context.Context) int { return s.WriteOut(ctx) } //nolint:revive // the SDK is the subject
func withSpill(w io.Writer) otelx.Option          { return otelx.WithLastResort(w) }
func withQueue(bound, batch int) otelx.Option {
	return otelx.Options(otelx.WithMaxQueueSize(bound), otelx.WithMaxExportBatchSize(batch))
}

// endOpenSpans ends the open spans below each of roots; all of them if roots is nil.
func endOpenSpans(s *otelx.SDK, roots [][8]byte, errorType, reason string) int {
	if roots == nil {
		return s.EndOpenAs([8]byte{}, errorType, reason)
	}
	n := 0
	for _, root := range roots {
		n += s.EndOpenAs(root, errorType, reason)
	}
	return n
}

// spanCounts are the delivery counts of spans.
type spanCounts struct {
	ended, exported, pending, spilled int64
	dropped                           otelx.Dropped
}

func (c spanCounts) addUp() bool {
	return c.ended == c.exported+c.pending+c.spilled+c.dropped.Total()
}

// countsOf reads the counts. A spilled span counts as spilled, not as pending.
func countsOf(s *otelx.SDK) spanCounts {
	st := s.Stats()
	return spanCounts{st.Ended, st.Exported, st.Pending - st.WrittenOut, st.WrittenOut, st.Dropped}
}
