package demo

import (
	"testing"

	"github.com/epilogue-go/epilogue/internal/report"
)

func TestParsePrices(t *testing.T) {
	want := report.Counts{Ended: 21, Exported: 19, Pending: 2, Dropped: 0}
	for _, c := range []struct {
		line string
		ok   bool
	}{
		{"2026/11/22 19:55:00 INFO prices has ended telemetry.ended=21 telemetry.exported=19 telemetry.pending=2 telemetry.dropped=0", true},
		{"2026/11/22 19:55:00 INFO prices has ended telemetry.traces.ended=21 telemetry.traces.exported=19 telemetry.traces.pending=2", true},
		{"prices has ended ended=21 exported=19 pending=2 dropped_queue_full=7", true},
		{"prices has ended", false},
		{"prices has ended pending=0", false},
		{"prices has ended extended=3", false},
		{"prices has ended ended=999999999999999999999", false},
		{"prices has ended ended=-1", false},
		{"ended=21 exported=19 pending=2", false},
	} {
		got, ok := parsePrices(c.line)
		if ok != c.ok || ok && got != want {
			t.Errorf("%s: got %+v %v, want %v", c.line, got, ok, c.ok)
		}
	}
}
