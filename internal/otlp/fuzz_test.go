package otlp

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/itemtest"
)

// FuzzSpanEncoder compares requests and lines of spans built from the input with the oracle, whole and cut by a limit.
// The two targets below do the same with points and log records.
func FuzzSpanEncoder(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		src := source{data: data}
		spanSignal.fuzz(t, snapshots(src.stubs()), limit)
	})
}

func FuzzMetricEncoder(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		src := source{data: data}
		s, points := collect(t, src.collection(), src.collection())
		s.fuzz(t, points, limit)
	})
}

func FuzzLogEncoder(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		src := source{data: data}
		logSignal.fuzz(t, src.records(), limit)
	})
}

func addSeeds(f *testing.F) {
	f.Add([]byte{}, 0)
	f.Add([]byte("a span's name, an attribute \xff\xfe and so on, until the bytes are used up"), 100)
	seed := make([]byte, 2000)
	for i := range seed {
		seed[i] = byte(i * i >> 3)
	}
	f.Add(seed, 700)
	f.Add(seed[:999], 1<<20)
}

// source generates items from bytes, and zeros after the last one.
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

func (s *source) resources() []*resource.Resource {
	return []*resource.Resource{nil, testResource, resource.NewWithAttributes(s.text(), s.attributes(2)...)}
}

func (s *source) scopes() []instrumentation.Scope {
	own := instrumentation.Scope{Name: s.text(), Version: s.text(), Attributes: attribute.NewSet(s.attributes(2)...)}
	return []instrumentation.Scope{{}, testScope, own}
}

func (s *source) records() []sdklog.Record {
	resources, scopes := s.resources(), s.scopes()
	var records []sdklog.Record
	for len(s.data) > 0 {
		resource, scope := resources[s.below(len(resources))], scopes[s.below(len(scopes))]
		records = append(records, itemtest.Record(resource, scope, func(r *sdklog.Record) {
			sc := s.context()
			r.SetTimestamp(s.time())
			r.SetObservedTimestamp(s.time())
			r.SetEventName(s.text())
			r.SetSeverity(log.Severity(s.below(30)))
			r.SetSeverityText(s.text())
			r.SetBody(s.value(2))
			r.SetTraceID(sc.TraceID())
			r.SetSpanID(sc.SpanID())
			r.SetTraceFlags(sc.TraceFlags())
			r.SetAttributes(s.attributes(2)...)
		}, sdklog.WithAttributeCountLimit(s.below(5))))
	}
	return records
}

// collection uses about half of the bytes.
func (s *source) collection() *metricdata.ResourceMetrics {
	resources, rest := s.resources(), len(s.data)/2
	rm := &metricdata.ResourceMetrics{Resource: resources[s.below(len(resources))]}
	for _, scope := range s.scopes() {
		rm.ScopeMetrics = append(rm.ScopeMetrics, metricdata.ScopeMetrics{Scope: scope})
	}
	for len(s.data) > rest {
		sm := &rm.ScopeMetrics[s.below(len(rm.ScopeMetrics))]
		sm.Metrics = append(sm.Metrics, metricdata.Metrics{
			Name: s.text(), Description: s.text(), Unit: s.text(), Data: s.aggregation(),
		})
	}
	return rm
}

func (s *source) aggregation() metricdata.Aggregation {
	temporality := metricdata.CumulativeTemporality
	if s.byte()%2 == 0 {
		temporality = metricdata.DeltaTemporality
	}
	ints := func() int64 { return int64(s.uint64()) }
	floats := func() float64 { return math.Float64frombits(s.uint64()) }
	switch s.below(9) {
	case 0:
		return metricdata.Gauge[int64]{DataPoints: numbers(s, ints)}
	case 1:
		return metricdata.Gauge[float64]{DataPoints: numbers(s, floats)}
	case 2:
		return metricdata.Sum[int64]{DataPoints: numbers(s, ints), Temporality: temporality, IsMonotonic: s.byte()%2 == 0}
	case 3:
		return metricdata.Sum[float64]{DataPoints: numbers(s, floats), Temporality: temporality, IsMonotonic: s.byte()%2 == 0}
	case 4:
		return metricdata.Histogram[int64]{DataPoints: histograms(s, ints), Temporality: temporality}
	case 5:
		return metricdata.Histogram[float64]{DataPoints: histograms(s, floats), Temporality: temporality}
	case 6:
		return metricdata.ExponentialHistogram[int64]{DataPoints: exponentials(s, ints), Temporality: temporality}
	case 7:
		return metricdata.ExponentialHistogram[float64]{DataPoints: exponentials(s, floats), Temporality: temporality}
	default:
		return metricdata.Summary{DataPoints: several(s, func() metricdata.SummaryDataPoint {
			return metricdata.SummaryDataPoint{
				Attributes: s.set(), StartTime: s.time(), Time: s.time(), Count: s.uint64(), Sum: floats(),
				QuantileValues: several(s, func() metricdata.QuantileValue {
					return metricdata.QuantileValue{Quantile: floats(), Value: floats()}
				}),
			}
		})}
	}
}

func several[T any](s *source, item func() T) []T {
	items := make([]T, s.below(4))
	for i := range items {
		items[i] = item()
	}
	return items
}

func numbers[N int64 | float64](s *source, value func() N) []metricdata.DataPoint[N] {
	return several(s, func() metricdata.DataPoint[N] {
		return metricdata.DataPoint[N]{
			Attributes: s.set(), StartTime: s.time(), Time: s.time(), Value: value(), Exemplars: exemplars(s, value),
		}
	})
}

func histograms[N int64 | float64](s *source, value func() N) []metricdata.HistogramDataPoint[N] {
	return several(s, func() metricdata.HistogramDataPoint[N] {
		return metricdata.HistogramDataPoint[N]{
			Attributes: s.set(), StartTime: s.time(), Time: s.time(), Count: s.uint64(), Sum: value(),
			Bounds:       several(s, func() float64 { return math.Float64frombits(s.uint64()) }),
			BucketCounts: several(s, s.uint64), Min: extrema(s, value), Max: extrema(s, value), Exemplars: exemplars(s, value),
		}
	})
}

func exponentials[N int64 | float64](s *source, value func() N) []metricdata.ExponentialHistogramDataPoint[N] {
	buckets := func() metricdata.ExponentialBucket {
		return metricdata.ExponentialBucket{Offset: int32(s.uint64()), Counts: several(s, s.uint64)}
	}
	return several(s, func() metricdata.ExponentialHistogramDataPoint[N] {
		return metricdata.ExponentialHistogramDataPoint[N]{
			Attributes: s.set(), StartTime: s.time(), Time: s.time(), Count: s.uint64(), Sum: value(), Scale: int32(s.uint64()),
			ZeroCount: s.uint64(), ZeroThreshold: math.Float64frombits(s.uint64()),
			PositiveBucket: buckets(), NegativeBucket: buckets(), Min: extrema(s, value), Max: extrema(s, value), Exemplars: exemplars(s, value),
		}
	})
}

func exemplars[N int64 | float64](s *source, value func() N) []metricdata.Exemplar[N] {
	return several(s, func() metricdata.Exemplar[N] {
		return metricdata.Exemplar[N]{
			FilteredAttributes: s.attributes(1), Time: s.time(), Value: value(),
			SpanID: []byte(s.text()), TraceID: []byte(s.text()),
		}
	})
}

func extrema[N int64 | float64](s *source, value func() N) (e metricdata.Extrema[N]) {
	if s.byte()%2 == 0 {
		return metricdata.NewExtrema(value())
	}
	return e
}

func (s *source) set() attribute.Set { return attribute.NewSet(s.attributes(1)...) }

func (s *source) stubs() []tracetest.SpanStub {
	resources, scopes := s.resources(), s.scopes()
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
