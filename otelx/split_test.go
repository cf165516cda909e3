package otelx

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/otelx/internal/otlp"
)

// narrow is a backend that refuses requests of more than most bytes as too large.
type narrow struct {
	most  int
	sizes []int
}

func (s *narrow) Close() error { return nil }

func (s *narrow) Send(_ context.Context, body []byte) (otlp.Result, error) {
	s.sizes = append(s.sizes, len(body))
	if len(body) > s.most {
		return otlp.Result{TooLarge: true}, errors.New("413 Request Entity Too Large")
	}
	return otlp.Result{}, nil
}

// large ends spans of so many kilobytes.
func large(s *SDK, kilobytes ...int) {
	for _, kb := range kilobytes {
		value := strings.Repeat("x", kb<<10)
		_, span := s.TracerProvider().Tracer("test").Start(context.Background(), "a",
			trace.WithAttributes(attribute.String("a", value)))
		span.End()
	}
}

func TestRequestRefusedForItsSizeIsSplit(t *testing.T) {
	backend := &narrow{most: 300 << 10}
	s := start(newOTLPExporter(backend, defaultRequestBytes), sized{})
	large(s, 100, 100, 100, 100, 100, 100, 100, 100)
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Errorf("ForceFlush: %v", err)
	}
	wantStats(t, s, Stats{Ended: 8, Exported: 8})
	tried := len(backend.sizes)
	large(s, 100, 100, 100, 100)
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Errorf("ForceFlush: %v", err)
	}
	for _, size := range backend.sizes[tried:] {
		if size > backend.most {
			t.Errorf("a request of %d bytes once it was known that %d are too many", size, backend.most)
		}
	}
}

// The bound found by halving may be below what the backend takes: a span between the two is tried alone.
func TestSpanTooLargeForTheBackendGoesAlone(t *testing.T) {
	backend := &narrow{most: 300 << 10}
	s := start(newOTLPExporter(backend, defaultRequestBytes), sized{})
	large(s, 200, 250, 400, 1, 250)
	var drop *DropError
	if err := s.ForceFlush(t.Context()); !errors.As(err, &drop) || !strings.Contains(err.Error(), "413") {
		t.Errorf("ForceFlush: %v", err)
	}
	wantStats(t, s, Stats{Ended: 5, Exported: 4, Dropped: Dropped{TooLarge: 1}})
}

func TestBackendThatTakesNothingIsNotSentSpansOneByOne(t *testing.T) {
	backend := &narrow{}
	s := start(newOTLPExporter(backend, defaultRequestBytes), sized{bound: 5000, batch: 2048})
	for range 2048 {
		large(s, 1)
	}
	if err := s.ForceFlush(t.Context()); err == nil {
		t.Error("no error")
	}
	wantStats(t, s, Stats{Ended: 2048, Dropped: Dropped{Refused: 2048}})
	if n := len(backend.sizes); n > 100 {
		t.Errorf("%d requests for what was refused at once", n)
	}
}

func TestMemoryOfLargeRequestsIsGivenBack(t *testing.T) {
	x := newOTLPExporter(&narrow{most: 8 << 20}, defaultRequestBytes)
	s := start(x, sized{})
	large(s, 1000, 1000, 1000)
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Error(err)
	}
	for _, e := range x.idle {
		if cap(e.body) > keepBody {
			t.Errorf("%d bytes are kept", cap(e.body))
		}
	}
}
