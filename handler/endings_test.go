package handler_test

import (
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/handler"
)

// recorder is a Tracker that records the names of its calls.
type recorder struct {
	flushesAfterEnd bool

	mu    sync.Mutex
	calls []string
}

func (r *recorder) record(call string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call)
}

func (r *recorder) Attach()                               {}
func (r *recorder) Begin(string, time.Time, [8]byte)      { r.record("Begin") }
func (r *recorder) EndOpenSpans(string, string) (n int)   { r.record("EndOpenSpans"); return 0 }
func (r *recorder) Flush(string) error                    { r.record("Flush"); return nil }
func (r *recorder) FlushBeforeExit(string)                { r.record("FlushBeforeExit") }
func (r *recorder) End(string)                            { r.record("End") }
func (r *recorder) FlushesAfterEnd(string) (flushes bool) { return r.flushesAfterEnd }

// endings are the functions that end in the ways of the table in docs/design.md.
var endings = map[string]struct {
	fn     any
	unread bool          // aws-lambda-go does not read the response to its end
	wait   time.Duration // between the return and the close
}{
	"response":                   {fn: result(1, nil)},
	"error":                      {fn: result(nil, errors.New("no such order"))},
	"panic":                      {fn: func() { panic("boom") }},
	"runtime.Goexit":             {fn: func() { runtime.Goexit() }},
	"refused response":           {fn: result(strings.Repeat("x", acceptedSize-1), nil)}, // and the quotation marks
	"stream of more than 6 MB":   {fn: stream(strings.Repeat("x", acceptedSize+1))},
	"broken stream":              {fn: stream("long"), unread: true},
	"response past the deadline": {fn: result(1, nil), wait: 4 * time.Second},
	"error past the deadline":    {fn: func() error { time.Sleep(4 * time.Second); return errors.New("late") }},
}

// acceptedSize is the size of the largest response that Lambda accepts if it is not streamed, in bytes.
const acceptedSize = 6<<20 + 100

// TestLargestAcceptedResponse asserts that a response of the largest size is no reason to expect the exit of the process.
func TestLargestAcceptedResponse(t *testing.T) {
	text := strings.Repeat("x", acceptedSize-len(`""`))
	for name, fn := range map[string]any{"encoded": result(text, nil), "streamed": stream(text + `""`)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &recorder{flushesAfterEnd: true}
				driveEnding(t, handler.Wrap(fn, handler.WithTracker(r)).(readerFunc), false, 0)
				if got := strings.Join(r.calls, ", "); got != "Begin, End" {
					t.Errorf("calls %s, want Begin, End", got)
				}
			})
		})
	}
}

// stream is a function whose every response is a reader of text.
func stream(text string) any {
	return func() (any, error) { return strings.NewReader(text), nil }
}

// TestEndings runs each row of the table "Endings" against a tracker that flushes after End and one that does not.
func TestEndings(t *testing.T) {
	rows := endingRows(t)
	for name := range endings {
		if _, ok := rows[name]; !ok {
			t.Errorf("docs/design.md has no row for the ending %q", name)
		}
	}
	for name, columns := range rows {
		e, ok := endings[name]
		if !ok {
			t.Errorf("the ending %q of docs/design.md is not tested", name)
			continue
		}
		for i, want := range columns {
			t.Run(name+map[int]string{0: ", FlushesAfterEnd", 1: ", End flushes"}[i], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := &recorder{flushesAfterEnd: i == 0}
					fn := handler.Wrap(e.fn, handler.WithTracker(r)).(readerFunc)
					driveEnding(t, fn, e.unread, e.wait)
					if diff := cmp.Diff(want, strings.Join(r.calls, ", ")); diff != "" {
						t.Errorf("calls (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}

// driveEnding does what aws-lambda-go does: it calls, posts, closes a response, and cancels the context.
func driveEnding(t *testing.T, fn readerFunc, unread bool, wait time.Duration) {
	t.Helper()
	ctx, cancel := invocationContext(t)
	done := make(chan struct{})
	go func() { // which runtime.Goexit ends
		defer close(done)
		defer func() { _ = recover() }()
		out, err := fn(ctx)
		if err != nil {
			return
		}
		if !unread {
			_, _ = io.Copy(io.Discard, out)
		}
		time.Sleep(wait)
		_ = out.(io.Closer).Close()
	}()
	<-done
	cancel()
	synctest.Wait()
}

// endingRows reads the table: the ending, and the calls in two columns.
func endingRows(t *testing.T) map[string][2]string {
	t.Helper()
	text, err := os.ReadFile("../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Endings\n")
	if !ok {
		t.Fatal("docs/design.md has no section Endings")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string][2]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || strings.Contains(line, "---") || strings.Contains(line, "| ending |") {
			continue
		}
		for i := range cells {
			cells[i] = strings.ReplaceAll(strings.TrimSpace(cells[i]), "`", "")
		}
		rows[cells[0]] = [2]string{cells[1], cells[2]}
	}
	if len(rows) < 2 {
		t.Fatal("the section Endings has no table")
	}
	return rows
}
