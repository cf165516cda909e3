package otelx_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/otelx"
)

// strict is an exporter that checks the contract of the specification's "Span Exporter".
type strict struct {
	t     *testing.T
	mu    sync.Mutex
	inUse bool
	fail  int // so many calls
	got   []string
	sizes []int
	stops int
}

func (x *strict) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	x.mu.Lock()
	if x.inUse {
		x.t.Error("ExportSpans was called while it was running")
	}
	if x.stops > 0 {
		x.t.Error("ExportSpans was called after Shutdown")
	}
	x.inUse = true
	x.mu.Unlock()
	select {
	case <-time.After(10 * time.Millisecond):
	case <-ctx.Done():
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.inUse = false
	x.sizes = append(x.sizes, len(spans))
	if x.fail > 0 {
		x.fail--
		return errors.New("not now")
	}
	for _, s := range spans {
		x.got = append(x.got, s.Name())
	}
	return ctx.Err()
}

func (x *strict) Shutdown(context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.inUse {
		x.t.Error("Shutdown was called while ExportSpans was running")
	}
	x.stops++
	return nil
}

func TestForeignExporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &strict{t: t, fail: 1}
		s, err := newSDK(t, otelx.WithExporter(x), otelx.WithMaxExportBatchSize(2), environ())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b", "c"} {
			span(s, name)
		}
		if err := s.ForceFlush(t.Context()); err == nil || !strings.Contains(err.Error(), "not now") {
			t.Errorf("ForceFlush: %v", err)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := s.ForceFlush(t.Context()); err != nil {
					t.Errorf("ForceFlush: %v", err)
				}
			})
		}
		all.Wait()
		for range 2 {
			if err := s.Shutdown(t.Context()); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		}
		if got := strings.Join(x.got, ""); got != "abc" {
			t.Errorf("exported %s", got)
		}
		for _, n := range x.sizes {
			if n > 2 {
				t.Errorf("a batch of %d spans, want at most 2", n)
			}
		}
		if x.stops != 1 {
			t.Errorf("Shutdown was called %d times", x.stops)
		}
	})
}

// picky never takes a batch with a span named "bad".
type picky struct{ got []string }

func (x *picky) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	for _, s := range spans {
		if s.Name() == "bad" {
			return errors.New("message larger than max")
		}
	}
	for _, s := range spans {
		x.got = append(x.got, s.Name())
	}
	return nil
}

func (*picky) Shutdown(context.Context) error { return nil }

func TestForeignExporterThatNeverTakesABatch(t *testing.T) {
	x := &picky{}
	s, err := newSDK(t, otelx.WithExporter(x), otelx.WithMaxExportBatchSize(1), environ())
	if err != nil {
		t.Fatal(err)
	}
	s.SetBackgroundExport(false)
	span(s, "bad")
	if err := s.ForceFlush(t.Context()); err == nil {
		t.Error("a flush that delivered nothing has no error")
	}
	span(s, "a")
	if err := s.ForceFlush(t.Context()); err == nil || !strings.Contains(err.Error(), "larger than max") {
		t.Errorf("ForceFlush: %v", err)
	}
	if got := strings.Join(x.got, ""); got != "a" {
		t.Errorf("exported %q behind a batch that fails, want a", got)
	}
	span(s, "b")
	var drop *otelx.DropError
	if err := s.ForceFlush(t.Context()); !errors.As(err, &drop) || drop.Dropped.Refused != 1 {
		t.Errorf("the third time: %v", err)
	}
	span(s, "c")
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Errorf("ForceFlush: %v", err)
	}
	want := otelx.Stats{Ended: 4, Exported: 3, Dropped: otelx.Dropped{Refused: 1}}
	if got := s.Stats(); got != want {
		t.Errorf("Stats() = %+v, want %+v", got, want)
	}
}
