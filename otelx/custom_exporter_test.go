package otelx_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/otelx"
)

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
