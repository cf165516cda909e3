package otelx

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otlphttp"
)

// watched is a span that tells how many are being encoded at once.
type watched struct {
	sdktrace.ReadOnlySpan
	watch *watch
}

// taker is a backend that accepts everything.
type taker struct{}

func (taker) Send(context.Context, []byte) (otlphttp.Result, error) { return otlphttp.Result{}, nil }
func (taker) Close() error                                          { return nil }

type watch struct {
	mu        sync.Mutex
	busy, top int
}

// Name is asked for once in an encode. It lets all others who may encode do so meanwhile.
func (s watched) Name() string {
	s.watch.enter(1)
	defer s.watch.enter(-1)
	for range 100 {
		runtime.Gosched()
	}
	return s.ReadOnlySpan.Name()
}

func (w *watch) enter(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy += n
	w.top = max(w.top, w.busy)
}

// Where all requests are encoded at once the first leaves after the last is ready: on the CPU of a small function none of
// a large backlog had left when the process was killed.
func TestOneCPUIsLeftToWhatHasBeenEncoded(t *testing.T) {
	x := newOTLPExporter(taker{}, defaultRequestBytes)
	s := start(x, sized{bound: 1000, batch: 1})
	s.SetBackgroundExport(false)
	w := &watch{}
	_, ended := benchSpans(20)
	for _, span := range ended {
		s.processor.queue.add(watched{span, w})
	}
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if most := max(runtime.GOMAXPROCS(0)-1, 1); w.top > most || w.top == 0 {
		t.Errorf("%d requests were encoded at once, want 1 to %d", w.top, most)
	}
	wantStats(t, s, Stats{Ended: 20, Exported: 20})
}

// Who waits for a turn to encode does so for no longer than its context.
func TestEncodingWaitsForNoLongerThanItsContext(t *testing.T) {
	x := newOTLPExporter(taker{}, defaultRequestBytes)
	for range cap(x.slots) {
		x.slots <- struct{}{}
	}
	_, ended := benchSpans(2)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	o := x.export(ctx, ended)
	if o.verdict != retry || !o.unsent || o.n != 2 || !errors.Is(o.err, context.DeadlineExceeded) {
		t.Errorf("outcome %+v", o)
	}
	if x.cargo.loaded != 0 || len(x.idle) != 1 {
		t.Errorf("%d bytes of the bound and %d encodings are not given back", x.cargo.loaded, 1-len(x.idle))
	}
}
