package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/epilogue-go/epilogue/internal/counts"
	"github.com/epilogue-go/epilogue/internal/report"
)

func TestReadCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1")
	if c, ok := readCounts(path); ok {
		t.Errorf("a process without a report counts %+v", c)
	}
	r := counts.ShutdownReport{Signals: []counts.Signal{
		{Name: "logs", Ended: 100}, {Name: "traces", Ended: 21, Exported: 15, Pending: 2, Dropped: 1, Spilled: 3},
	}}
	if err := r.Write(path); err != nil {
		t.Fatal(err)
	}
	want := report.Counts{Ended: 21, Exported: 15, Pending: 5, Dropped: 1}
	if c, ok := readCounts(path); !ok || c != want {
		t.Errorf("got %+v %t, want %+v", c, ok, want)
	}
	for _, text := range []string{`{"signals":[]}`, `{"signals":[{"na`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, ok := readCounts(path); ok {
			t.Errorf("%s counts %+v", text, c)
		}
	}
}

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
