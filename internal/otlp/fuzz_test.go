package otlp

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// FuzzEncoder compares requests and lines of spans built from the input with the oracle, whole and cut by a limit.
func FuzzSpanEncoder(f *testing.F) {
	f.Add([]byte{}, 0)
	f.Add([]byte("a span's name, an attribute \xff\xfe and so on, until the bytes are used up"), 100)
	seed := make([]byte, 2000)
	for i := range seed {
		seed[i] = byte(i * i >> 3)
	}
	f.Add(seed, 700)
	f.Add(seed[:999], 1<<20)
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		src := source{data: data}
		spanSignal.fuzz(t, snapshots(src.stubs()), limit)
	})
}

// source generates spans from bytes, and zeros after the last one.
type source struct{ data []byte }

func (s *source) byte() byte {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return b
}

func (s *source) below(n int) int { return int(s.byte()) % n }

func (s *source) uint64() uint64 {
	var b [8]byte
	s.data = s.data[copy(b[:], s.data):]
	return binary.LittleEndian.Uint64(b[:])
}

func (s *source) text() string {
	n := min(int(s.byte()), len(s.data))
	out := string(s.data[:n])
	s.data = s.data[n:]
	return out
}

// time reaches from the year -1200 to 5100.
func (s *source) time() time.Time { return time.Unix(int64(s.uint64())>>26, int64(s.byte())) }

func (s *source) context() trace.SpanContext {
	cfg := trace.SpanContextConfig{TraceFlags: trace.TraceFlags(s.byte()), Remote: s.byte()%2 == 0}
	binary.BigEndian.PutUint64(cfg.TraceID[4:], s.uint64())
	binary.BigEndian.PutUint64(cfg.SpanID[:], s.uint64())
	if state, err := trace.ParseTraceState(s.text()); err == nil {
		cfg.TraceState = state
	}
	return trace.NewSpanContext(cfg)
}

func (s *source) stubs() []tracetest.SpanStub {
	resources := []*resource.Resource{nil, testResource, resource.NewWithAttributes(s.text(), s.attributes(2)...)}
	scopes := []instrumentation.Scope{{}, testScope, {Name: s.text(), Version: s.text(), Attributes: attribute.NewSet(s.attributes(2)...)}}
	var stubs []tracetest.SpanStub
	for len(s.data) > 0 {
		stubs = append(stubs, tracetest.SpanStub{
			Name: s.text(), SpanContext: s.context(), Parent: s.context(), SpanKind: trace.SpanKind(s.below(8)),
			StartTime: s.time(), EndTime: s.time(), Attributes: s.attributes(2), Events: s.events(), Links: s.links(),
			Status:            sdktrace.Status{Code: codes.Code(s.below(4)), Description: s.text()},
			DroppedAttributes: int(s.uint64()), DroppedEvents: s.below(3), DroppedLinks: s.below(3),
			Resource: resources[s.below(len(resources))], InstrumentationScope: scopes[s.below(len(scopes))],
		})
	}
	return stubs
}

func (s *source) events() []sdktrace.Event {
	out := make([]sdktrace.Event, s.below(3))
	for i := range out {
		out[i] = sdktrace.Event{Name: s.text(), Time: s.time(), Attributes: s.attributes(1), DroppedAttributeCount: s.below(2)}
	}
	return out
}

func (s *source) links() []sdktrace.Link {
	out := make([]sdktrace.Link, s.below(3))
	for i := range out {
		out[i] = sdktrace.Link{SpanContext: s.context(), Attributes: s.attributes(1), DroppedAttributeCount: s.below(2)}
	}
	return out
}

func (s *source) attributes(depth int) []attribute.KeyValue {
	out := make([]attribute.KeyValue, s.below(5))
	for i := range out {
		out[i] = attribute.KeyValue{Key: attribute.Key(s.text()), Value: s.value(depth)}
	}
	return out
}

func (s *source) value(depth int) attribute.Value {
	kinds := 12
	if depth == 0 {
		kinds = 10
	}
	switch s.below(kinds) {
	case 1:
		return attribute.BoolValue(s.byte()%2 == 0)
	case 2:
		return attribute.Int64Value(int64(s.uint64()))
	case 3:
		return attribute.Float64Value(math.Float64frombits(s.uint64()))
	case 4:
		return attribute.StringValue(s.text())
	case 5:
		return attribute.BoolSliceValue([]bool{s.byte()%2 == 0, true})
	case 6:
		return attribute.Int64SliceValue([]int64{int64(s.uint64()), 0})
	case 7:
		return attribute.Float64SliceValue([]float64{math.Float64frombits(s.uint64())})
	case 8:
		return attribute.StringSliceValue([]string{s.text(), s.text()})
	case 9:
		return attribute.ByteSliceValue([]byte(s.text()))
	case 10:
		return attribute.SliceValue(s.value(depth-1), s.value(depth-1))
	case 11:
		return attribute.MapValue(s.attributes(depth - 1)...)
	default:
		return attribute.Value{}
	}
}
