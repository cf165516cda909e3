package otelx_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/otelx"
)

func TestContractCustomExporter(t *testing.T) {
	x := &custom{export: func(context.Context, []string) error { time.Sleep(10 * ms); return nil }}
	withCustom(t, x, func(f *fixture) {
		f.end("a", "b", "c", "d", "e")
		var callers []<-chan outcome
		for range 4 {
			callers = append(callers, async(func() outcome { return f.flush(time.Second) }))
		}
		for _, c := range callers {
			if o := <-c; o.err != nil {
				f.Error(o.err)
			}
		}
		f.end("f")
		for range 3 {
			if o := f.shutdown(time.Second); o.err != nil {
				f.Error(o.err)
			}
		}
		if x.delivered() != "abcdef" || x.largest > 2 {
			f.Errorf("delivered %s in batches of up to %d", x.delivered(), x.largest)
		}
	}, withQueue(100, 2))
}

// A panic, or a call that ends its goroutine, is a refusal: the same spans would cause it again.
func TestContractCustomExporterPanics(t *testing.T) {
	for name, crash := range map[string]func() error{
		"panicked": func() error { panic("boom") },
		"ended":    func() error { runtime.Goexit(); return nil },
	} {
		bad := true
		x := &custom{stop: crash, export: func(context.Context, []string) error {
			if bad {
				return crash()
			}
			return nil
		}}
		withCustom(t, x, func(f *fixture) {
			f.end("a")
			o := f.flush(time.Second)
			if drop := dropped(o.err); drop == nil || drop.Dropped.Refused != 1 || !strings.Contains(o.err.Error(), name) {
				f.Errorf("ForceFlush: %v, want a refusal that says %q", o.err, name)
			}
			bad = false
			f.end("b")
			f.mustFlush(time.Second, 0)
			if o := f.shutdown(time.Second); errors.Is(o.err, context.DeadlineExceeded) {
				f.Errorf("Shutdown: %v after %v", o.err, o.took)
			}
			f.wantCounts(spanCounts{ended: 2, exported: 1, dropped: otelx.Dropped{Refused: 1}})
		})
	}
}

// An exporter that ignores its context holds no caller for longer than the caller's deadline, and later ones not at all.
func TestContractCustomExporterHangs(t *testing.T) {
	var release chan struct{}
	x := &custom{export: func(context.Context, []string) error { <-release; return nil }}
	withCustom(t, x, func(f *fixture) {
		release = make(chan struct{})
		f.end("a")
		if o := f.flush(300 * ms); !errors.Is(o.err, context.DeadlineExceeded) || o.took != 300*ms {
			f.Errorf("ForceFlush: %v after %v", o.err, o.took)
		}
		for range 10 {
			time.Sleep(time.Second)
			if o := f.flush(time.Second); o.err == nil || o.took > 100*ms {
				f.Errorf("a later ForceFlush: %v after %v, want an error at once", o.err, o.took)
			}
		}
		if o := f.shutdown(time.Second); o.err == nil || o.took > time.Second {
			f.Errorf("Shutdown: %v after %v", o.err, o.took)
		}
		f.wantCounts(spanCounts{ended: 1, pending: 1})
		close(release)
		synctest.Wait()
	})
}

// custom is a user's exporter. It fails the test if a call breaks the contract of the specification's "Span Exporter".
type custom struct {
	export func(ctx context.Context, names []string) error // nil: accepts everything
	stop   func() error                                    // nil: no error

	mu      sync.Mutex
	busy    bool
	stops   int
	largest int
	got     []string
	wrong   []string // violations
}

func (x *custom) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	var names []string
	for _, s := range spans {
		names = append(names, s.Name())
	}
	x.enter(len(spans))
	defer x.leave()
	if x.export != nil {
		if err := x.export(ctx, names); err != nil {
			return err
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.got = append(x.got, names...)
	return nil
}

func (x *custom) enter(n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.busy {
		x.wrong = append(x.wrong, "ExportSpans was called during a call")
	}
	if x.stops > 0 {
		x.wrong = append(x.wrong, "ExportSpans was called after Shutdown")
	}
	x.busy = true
	x.largest = max(x.largest, n)
}

func (x *custom) leave() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.busy = false
}

func (x *custom) Shutdown(context.Context) error {
	x.mu.Lock()
	if x.busy {
		x.wrong = append(x.wrong, "Shutdown was called during ExportSpans")
	}
	x.stops++
	x.mu.Unlock()
	if x.stop != nil {
		return x.stop()
	}
	return nil
}

// delivered returns the exported names, sorted.
func (x *custom) delivered() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return strings.Join(slices.Sorted(slices.Values(x.got)), "")
}

// withCustom is contract with x for an exporter; x is checked at the end.
func withCustom(t *testing.T, x *custom, test func(f *fixture), opts ...otelx.Option) {
	t.Helper()
	contract(t, test, append(opts, otelx.WithExporter(x))...)
	for _, wrong := range x.wrong {
		t.Error(wrong)
	}
	if x.stops != 1 {
		t.Errorf("the exporter was shut down %d times", x.stops)
	}
}

// nullExporter takes everything at once.
type nullExporter struct{}

func (nullExporter) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (nullExporter) Shutdown(context.Context) error                             { return nil }
