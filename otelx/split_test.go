package otelx

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/otlphttp"
)

// narrow is a backend that refuses requests of more than most bytes as too large.
type narrow struct {
	most  int
	sizes []int
}

func (s *narrow) Close() error { return nil }

func (s *narrow) Send(_ context.Context, body []byte) (otlphttp.Result, error) {
	s.sizes = append(s.sizes, len(body))
	if len(body) > s.most {
		return otlphttp.Result{Outcome: otlphttp.TooLarge}, errors.New("413 Request Entity Too Large")
	}
	return otlphttp.Result{}, nil
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

// Each flush of half a megabyte or more once got its memory anew: a request is there twice while it is encoded.
func TestMemoryOfRequestsIsKept(t *testing.T) {
	for _, kilobytes := range []int{300, 1000, 4000} {
		x := newOTLPExporter(&narrow{most: defaultRequestBytes}, defaultRequestBytes)
		s := start(x, sized{})
		var before *byte
		encoderBefore := 0
		for round := range 3 {
			for range kilobytes / 100 {
				large(s, 100)
			}
			if err := s.ForceFlush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(x.idle) != 1 || len(x.encoders) != 1 {
				t.Fatalf("%d encodings and %d encoders are kept", len(x.idle), len(x.encoders))
			}
			if x.kept != cap(x.idle[0].body)+x.encoders[0].Memory() || x.kept > keepBytes {
				t.Fatalf("%d bytes are kept", x.kept)
			}
			memory, encoder := &x.idle[0].body[:1][0], x.encoders[0].Memory()
			if round > 0 && (memory != before || encoder != encoderBefore) {
				t.Errorf("%d kB: flush %d has got memory anew", kilobytes, round)
			}
			before, encoderBefore = memory, encoder
		}
	}
}

// However many requests there were at once, and however large, what is kept has its bound.
func TestMemoryOfManyLargeRequestsIsGivenBack(t *testing.T) {
	x := newOTLPExporter(&narrow{most: mostRequestBytes}, mostRequestBytes)
	var under []*encoding
	for _, mb := range []int{20, 5, 5, 5, 1, 1, 1, 1, 1, 1, 1} {
		e, _ := x.acquire()
		e.body = make([]byte, 0, mb<<20)
		under = append(under, e)
	}
	for _, e := range under {
		x.give(e)
	}
	sum := 0
	for _, e := range x.idle {
		sum += cap(e.body)
	}
	if sum > keepBytes || sum < keepBytes/2 || sum != x.kept || len(x.idle) != keepEncodings {
		t.Errorf("%d bytes are kept in %d, and %d counted", sum, len(x.idle), x.kept)
	}
	for range len(under) {
		x.acquire()
	}
	if x.kept != 0 {
		t.Errorf("%d bytes are counted where nothing is kept", x.kept)
	}
}
