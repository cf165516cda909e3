package main

import (
	"testing"

	"github.com/epilogue-go/epilogue/internal/report"
)

func TestParseFarewell(t *testing.T) {
	want := report.Counts{Ended: 21, Exported: 19, Pending: 2, Dropped: 0}
	for _, c := range []struct {
		line string
		ok   bool
	}{
		{"2026/11/22 19:55:00 INFO graceful shutdown completed ended=21 exported=19 pending=2 dropped=0", true},
		{"2026/11/22 19:55:00 INFO graceful shutdown completed telemetry.ended=21 telemetry.exported=19 telemetry.pending=2 telemetry.dropped=0 took=3ms", true},
		{`time=x level=INFO msg="graceful shutdown completed" telemetry.ended=21 telemetry.exported=19 telemetry.pending=2 telemetry.dropped=0`, true},
		{`{"msg":"graceful shutdown completed","telemetry":{"ended":21,"exported":19,"pending":2,"dropped":0}}`, true},
		{"graceful shutdown completed ended=21 exported=19 pending=2 dropped_queue_full=7", true},
		{"graceful shutdown completed", false},
		{"graceful shutdown completed pending=0", false},
		{"graceful shutdown completed extended=3", false},
		{"graceful shutdown completed ended=999999999999999999999", false},
		{"ended=21 exported=19 pending=2", false},
	} {
		got, ok := parseFarewell(c.line)
		if ok != c.ok || ok && got != want {
			t.Errorf("%s: got %+v %v, want %v", c.line, got, ok, c.ok)
		}
	}
}

func FuzzParseFarewell(f *testing.F) {
	f.Add(`{"msg":"graceful shutdown completed","telemetry":{"ended":21,"exported":19,"pending":2,"dropped":0}}`)
	f.Add("graceful shutdown completed telemetry.ended=21 ended=")
	f.Fuzz(func(t *testing.T, line string) {
		c, ok := parseFarewell(line)
		if c.Ended < 0 || c.Exported < 0 || c.Pending < 0 || c.Dropped < 0 || !ok && c.Ended != 0 {
			t.Errorf("%q: got %+v", line, c)
		}
	})
}
