package counts_test

import (
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
	got, err := counts.ReadReport(path)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, report (-want +got):\n%s", err, diff)
	}
	if n := want.Signals[0].Undelivered(); n != 10 {
		t.Errorf("undelivered: got %d, want pending, dropped and spilled together", n)
	}
}

func TestReportThatIsNone(t *testing.T) {
	dir := t.TempDir()
	cut := filepath.Join(dir, "cut")
	if err := os.WriteFile(cut, []byte(`{"signals":[{"name":"traces","ended":2`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "absent"), cut, dir} {
		if r, err := counts.ReadReport(path); err == nil || r.Signals != nil {
			t.Errorf("%s: got %+v, %v; want an error", path, r, err)
		}
	}
	if err := (counts.ShutdownReport{}).Write(filepath.Join(dir, "no", "such")); err == nil {
		t.Error("a report in a directory that does not exist is written")
	}
}
