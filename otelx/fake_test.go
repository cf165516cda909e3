package otelx

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

var errDown = errors.New("503 Service Unavailable")

// fakeExporter is an exporter that a test can hold, script and read back.
type fakeExporter struct {
	wide   int    // width; 0 means 1
	before func() // called at the start of each call; nil: nothing

	mu        sync.Mutex
	gate      chan struct{} // closed by release; nil: open
	deaf      bool          // ignores the context while held
	script    []outcome     // of the next calls; n == 0 means all spans; when it is used up, everything is accepted
	calls     []string      // names of the spans of each call, joined by spaces
	deadlines []time.Duration
	at        []time.Time
	delivered []string
	busy, top int // calls under way, and the most at once
	closes    int
	closeErr  error
}

func (f *fakeExporter) width() int { return max(f.wide, 1) }

func (f *fakeExporter) close(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closes++
	if f.busy > 0 {
		return errors.New("closed while exporting")
	}
	return f.closeErr
}

func (f *fakeExporter) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) outcome {
	if f.before != nil {
		f.before()
	}
	gate, deaf := f.enter(ctx, spans)
	if gate != nil {
		if deaf {
			<-gate
		} else {
			select {
			case <-gate:
			case <-ctx.Done():
			}
		}
	}
	return f.exit(ctx, spans)
}

func (f *fakeExporter) enter(ctx context.Context, spans []sdktrace.ReadOnlySpan) (gate chan struct{}, deaf bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, strings.Join(names(spans), " "))
	f.at = append(f.at, time.Now())
	left := time.Duration(-1)
	if at, ok := ctx.Deadline(); ok {
		left = time.Until(at)
	}
	f.deadlines = append(f.deadlines, left)
	f.busy++
	f.top = max(f.top, f.busy)
	return f.gate, f.deaf
}

func (f *fakeExporter) exit(ctx context.Context, spans []sdktrace.ReadOnlySpan) outcome {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	if ctx.Err() != nil {
		return outcome{n: len(spans), verdict: retry, err: ctx.Err()}
	}
	o := outcome{}
	if len(f.script) > 0 {
		o, f.script = f.script[0], f.script[1:]
	}
	if o.n == 0 {
		o.n = len(spans)
	}
	if o.verdict == accepted {
		f.delivered = append(f.delivered, names(spans[:o.n])...)
	}
	return o
}

// hold makes calls block until the returned function is called.
func (f *fakeExporter) hold() (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	gate := make(chan struct{})
	f.gate = gate
	return sync.OnceFunc(func() {
		f.mu.Lock()
		f.gate = nil
		f.mu.Unlock()
		close(gate)
	})
}

func (f *fakeExporter) answer(script ...outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.script = append(f.script, script...)
}

func (f *fakeExporter) log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *fakeExporter) got() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.delivered)
}

func names(spans []sdktrace.ReadOnlySpan) []string {
	var out []string
	for _, s := range spans {
		out = append(out, s.Name())
	}
	return out
}

// sized is what the tests vary.
type sized struct {
	bound, batch   int
	delay, timeout time.Duration
	interval       bool
}

// start returns an SDK on x that is not the global one.
func start(x exporter, s sized) *SDK {
	bound := pick(s.bound, 1000)
	q := newQueue(bound, pick(s.batch, min(100, bound)))
	l := newLoop(q, x, pick(s.delay, 5*time.Second), s.timeout)
	l.setInterval(s.interval)
	p := &processor{queue: q, loop: l}
	return &SDK{processor: p, provider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p))}
}

// end starts and ends a span for each name.
func end(s *SDK, names ...string) {
	for _, name := range names {
		_, span := s.TracerProvider().Tracer("test").Start(context.Background(), name)
		span.End()
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// wantStats compares all counts and checks that they add up.
func wantStats(t *testing.T, s *SDK, want Stats) {
	t.Helper()
	got := s.Stats()
	got.Breaker = want.Breaker
	if got != want {
		t.Errorf("Stats() = %+v, want %+v", got, want)
	}
	if got.Ended != got.Exported+got.Pending+got.Dropped.Total()+got.Spilled {
		t.Errorf("the account does not add up: %+v", got)
	}
}

func wantCalls(t *testing.T, f *fakeExporter, want ...string) {
	t.Helper()
	if got := f.log(); !slices.Equal(got, want) {
		t.Errorf("export calls = %q, want %q", got, want)
	}
}

func (f *fakeExporter) underWay() int { return f.count(&f.busy) }
func (f *fakeExporter) most() int     { return f.count(&f.top) }
func (f *fakeExporter) closed() int   { return f.count(&f.closes) }

func (f *fakeExporter) count(n *int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return *n
}
