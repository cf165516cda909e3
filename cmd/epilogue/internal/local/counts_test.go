//go:build unix

package local

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/epilogue-go/epilogue/internal/counts"
	"github.com/epilogue-go/epilogue/internal/report"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

func TestReadCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1")
	r := counts.ShutdownReport{Signals: []counts.Signal{
		{Name: "logs", Ended: 100, Exported: 90, Superseded: 10}, {Name: "traces", Ended: 21, Exported: 15, Pending: 2, Dropped: 1, Spilled: 3},
	}}
	if err := r.Write(path); err != nil {
		t.Fatal(err)
	}
	want := map[string]report.Counts{
		"logs": {Ended: 100, Exported: 90, Superseded: 10}, "traces": {Ended: 21, Exported: 15, Pending: 5, Dropped: 1},
	}
	if c, err := readCounts(path); err != nil || !maps.Equal(c, want) {
		t.Errorf("got %+v, %v; want %+v", c, err, want)
	}
}

func TestFunctionThatWritesAnotherFileForTheReportGivesNoCount(t *testing.T) {
	text := func(s string) func(path string) error {
		return func(path string) error { return os.WriteFile(path, []byte(s), 0o600) }
	}
	honest := filepath.Join(t.TempDir(), "honest")
	if err := text(`{"signals":[{"name":"traces","ended":1,"exported":1}]}`)(honest); err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(path string) error{
		"none": func(string) error { return nil }, "nothing": text(""), "half of it": text(`{"signals":[{"na`),
		"garbage": text("\x00\xff\x1b[31m"), "another type": text(`{"signals":[{"name":"traces","ended":"7"}]}`),
		"a negative count":    text(`{"signals":[{"name":"traces","ended":-1,"pending":-1}]}`),
		"a negative balance":  text(`{"signals":[{"name":"traces","ended":1,"exported":5,"dropped":-4}]}`),
		"a count too large":   text(`{"signals":[{"name":"traces","ended":9223372036854775807,"exported":9223372036854775807}]}`),
		"counts in two ways":  text(`{"signals":[{"name":"traces","ended":5,"exported":3}]}`),
		"a huge file":         text(`{"signals":[{"name":"traces","ended":1,"exported":1}]}` + strings.Repeat(" ", maxReport)),
		"a directory":         func(path string) error { return os.Mkdir(path, 0o700) },
		"a pipe":              func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a link":              func(path string) error { return os.Symlink(honest, path) },
		"a link to a device":  func(path string) error { return os.Symlink("/dev/zero", path) },
		"a link to nowhere":   func(path string) error { return os.Symlink("/nowhere", path) },
		"an unreadable file":  func(path string) error { return os.WriteFile(path, nil, 0) },
		"a file with a hole":  func(path string) error { return truncated(path, 1<<40) },
		"text before and end": text("x" + `{"signals":[{"name":"traces","ended":1,"exported":1}]}`),
	} {
		path := filepath.Join(t.TempDir(), "1")
		if err := write(path); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c, err := readCounts(path); err == nil {
			t.Errorf("%s counts %+v", name, c)
		}
	}
}

func truncated(path string, size int64) error {
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	return os.Truncate(path, size)
}

func TestReportOfAnEndedProcessIsReadOnce(t *testing.T) {
	s := &Lambda{log: new(eventlog.Log), reports: t.TempDir(), counted: map[int]map[string]report.Counts{}}
	write := func(process, n int) {
		text := fmt.Sprintf(`{"signals":[{"name":"traces","ended":%d,"exported":%[1]d}]}`, n)
		if err := os.WriteFile(s.reportPath(process), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.log.Add(eventlog.Event{Kind: lambdatest.KindProcessStart, Count: 1})
	write(1, 3)
	if got := s.counts(traces); len(got) != 0 {
		t.Errorf("a running process counts %+v", got)
	}
	s.log.Add(eventlog.Event{Kind: lambdatest.KindProcessExit})
	s.counts(traces)
	s.log.Add(eventlog.Event{Kind: lambdatest.KindProcessStart, Count: 2})
	write(1, 99)
	write(2, 5)
	s.log.Add(eventlog.Event{Kind: lambdatest.KindProcessExit})
	if got := s.counts(traces); got[1].Ended != 3 || got[2].Ended != 5 {
		t.Errorf("got %+v, want 3 and 5", got)
	}
}
