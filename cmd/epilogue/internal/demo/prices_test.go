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
		{`time=2026-11-22T19:55:00.000Z level=INFO msg="prices has ended" traces.ended=21 traces.exported=19 traces.pending=2 ` +
			`traces.dropped=0 metrics.ended=7 metrics.exported=7 logs.pending=3`, true},
		{"2026/11/22 19:55:00 INFO prices has ended traces.ended=21 traces.exported=19 traces.pending=2", true},
		{"prices has ended", false},
		{"prices has ended traces.pending=0", false},
		{"prices has ended metrics.ended=3", false},
		{"prices has ended traces.ended=999999999999999999999", false},
		{"prices has ended traces.ended=-1", false},
		{"traces.ended=21 traces.exported=19 traces.pending=2", false},
	} {
		got, ok := parsePrices(c.line)
		if ok != c.ok || ok && got != want {
			t.Errorf("%s: got %+v %v, want %v", c.line, got, ok, c.ok)
		}
	}
}
