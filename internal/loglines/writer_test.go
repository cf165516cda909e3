package loglines

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// writerFunc is a function as a writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestLevelFilter(t *testing.T) {
	for level, least := range map[string]log.Severity{
		"": 1, "verbose": 1, "TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "error": 17, "FATAL": 21,
	} {
		var out bytes.Buffer
		w := NewWriter(&out, level)
		for severity := log.Severity(0); severity <= 24; severity++ {
			out.Reset()
			want := severity >= least || severity == 0 && least <= log.SeverityInfo
			written, err := w.Write(draft{severity: severity}.record(), "")
			if written != want || err != nil || (out.Len() > 0) != want {
				t.Errorf("%s: severity %d: %v, %v", level, severity, written, err)
			}
			if got := w.Enabled(severity); got != (want || severity == 0) {
				t.Errorf("%s: severity %d: Enabled %v", level, severity, got)
			}
		}
	}
}

// TestConcurrentLines: each line is one Write, and lines of several goroutines do not share memory.
func TestConcurrentLines(t *testing.T) {
	var mu sync.Mutex
	lines := map[string]bool{}
	w := NewWriter(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		lines[string(p[strings.Index(string(p), `"message"`):])] = true
		return len(p), nil
	}), "")
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			for j := range 50 {
				message := fmt.Sprintf("%d %d %s", i, j, strings.Repeat("x", i*j))
				if written, err := w.Write(draft{body: attribute.StringValue(message)}.record(), ""); !written {
					t.Error(err)
				}
				mu.Lock()
				if line := `"message":"` + message + "\"}\n"; !lines[line] {
					t.Errorf("%q is not written", line)
				}
				mu.Unlock()
			}
		})
	}
	callers.Wait()
}

// TestBlockedOutput: a caller waits 100 ms, and no caller waits while a Write does not return.
func TestBlockedOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, last := make(chan struct{}), ""
		w := NewWriter(writerFunc(func(p []byte) (int, error) {
			<-release
			last = string(p)
			return len(p), nil
		}), "")
		for i, want := range []error{bounded.ErrNotReturned, bounded.ErrStillRunning, bounded.ErrStillRunning} {
			begin, took := time.Now(), writeTime
			if i > 0 {
				took = 0
			}
			written, err := w.Write(draft{body: attribute.IntValue(i)}.record(), "")
			if written || !errors.Is(err, want) || time.Since(begin) != took {
				t.Errorf("%v, %v after %v", written, err, time.Since(begin))
			}
		}
		close(release)
		synctest.Wait()
		if !strings.Contains(last, `"message":0`) {
			t.Errorf("the line of the blocked Write has changed to %q", last)
		}
		written, err := w.Write(draft{body: attribute.IntValue(3)}.record(), "")
		if !written || !strings.Contains(last, `"message":3`) {
			t.Errorf("%v, %q", err, last)
		}
	})
}

func TestFailedWrites(t *testing.T) {
	for _, c := range []struct {
		n         int
		err, want error
	}{{0, io.ErrClosedPipe, io.ErrClosedPipe}, {3, nil, io.ErrShortWrite}} {
		w := NewWriter(writerFunc(func([]byte) (int, error) { return c.n, c.err }), "")
		if written, err := w.Write(draft{}.record(), ""); written || !errors.Is(err, c.want) {
			t.Errorf("%v, %v", written, err)
		}
	}
	w := NewWriter(writerFunc(func([]byte) (int, error) { panic("closed") }), "")
	if written, err := w.Write(draft{}.record(), ""); written || err == nil {
		t.Errorf("%v, %v", written, err)
	}
}

func BenchmarkWrite(b *testing.B) {
	w := NewWriter(io.Discard, "INFO")
	r := draft{body: attribute.StringValue("order paid"), traced: true, attrs: everyKind[:5]}.record()
	b.ReportAllocs()
	for b.Loop() {
		if written, _ := w.Write(r, "8f5e8a5c-2d9a-4a4c-9a4c-8f5e8a5c2d9a"); !written {
			b.Fatal("not written")
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	e := &encoder{names: map[string]bool{}}
	r := draft{body: attribute.StringValue("order paid"), traced: true, attrs: everyKind[:5]}.record()
	b.ReportAllocs()
	for b.Loop() {
		e.encode(r, "8f5e8a5c-2d9a-4a4c-9a4c-8f5e8a5c2d9a")
	}
}
