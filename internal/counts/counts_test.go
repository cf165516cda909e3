package counts_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/counts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReportIsReadAsItWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report")
	want := counts.ShutdownReport{Signals: []counts.Signal{
		{Name: "traces", Ended: 21, Exported: 10, Pending: 5, Dropped: 3, Spilled: 2, Superseded: 1},
	}}
	for _, r := range []counts.ShutdownReport{{Signals: make([]counts.Signal, 50)}, want} { // the second is shorter
		if err := r.Write(path); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got counts.ShutdownReport
	err = json.Unmarshal(text, &got)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, report (-want +got):\n%s", err, diff)
	}
	if n := want.Signals[0].Undelivered(); n != 10 {
		t.Errorf("undelivered: got %d, want pending, dropped and spilled together", n)
	}
	if err := want.Write(filepath.Join(path, "no", "such")); err == nil {
		t.Error("a report in a directory that does not exist is written")
	}
}
