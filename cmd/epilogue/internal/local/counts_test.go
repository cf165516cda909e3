package local

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
