package replay

import (
	"crypto/sha256"
	"encoding/binary"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/spill/lines"
)

// entriesOf calls add with each item of a document, until add returns an error.
func entriesOf(d lines.Document, add func(otelenv.Signal, entry) error) error {
	for _, r := range d.Traces.GetResourceSpans() {
		resource := &group{r.GetResource(), r.GetSchemaUrl()}
		for _, s := range r.GetScopeSpans() {
			scope := &group{s.GetScope(), s.GetSchemaUrl()}
			for _, span := range s.GetSpans() {
				if err := add(otelenv.Traces, entry{resource, scope, span}); err != nil {
					return err
				}
			}
		}
	}
	for _, r := range d.Logs.GetResourceLogs() {
		resource := &group{r.GetResource(), r.GetSchemaUrl()}
		for _, s := range r.GetScopeLogs() {
			scope := &group{s.GetScope(), s.GetSchemaUrl()}
			for _, record := range s.GetLogRecords() {
				if err := add(otelenv.Logs, entry{resource, scope, record}); err != nil {
					return err
				}
			}
		}
	}
	for _, r := range d.Metrics.GetResourceMetrics() {
		resource := &group{r.GetResource(), r.GetSchemaUrl()}
		for _, s := range r.GetScopeMetrics() {
			scope := &group{s.GetScope(), s.GetSchemaUrl()}
			for _, m := range s.GetMetrics() {
				for _, point := range points(m) {
					if err := add(otelenv.Metrics, entry{resource, scope, point}); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// points returns a metric for each data point of m. Requests are bounded by data points, and a replay is too rare for the bytes of
// the repeated names to count.
func points(m *metricspb.Metric) (all []*metricspb.Metric) {
	one := func(data func(*metricspb.Metric)) {
		point := &metricspb.Metric{Name: m.GetName(), Description: m.GetDescription(), Unit: m.GetUnit(), Metadata: m.GetMetadata()}
		data(point)
		all = append(all, point)
	}
	switch data := m.GetData().(type) {
	case *metricspb.Metric_Gauge:
		for _, p := range data.Gauge.GetDataPoints() {
			one(func(m *metricspb.Metric) {
				m.Data = &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{p}}}
			})
		}
	case *metricspb.Metric_Sum:
		for _, p := range data.Sum.GetDataPoints() {
			one(func(m *metricspb.Metric) {
				m.Data = &metricspb.Metric_Sum{Sum: &metricspb.Sum{
					DataPoints:             []*metricspb.NumberDataPoint{p},
					AggregationTemporality: data.Sum.GetAggregationTemporality(), IsMonotonic: data.Sum.GetIsMonotonic(),
				}}
			})
		}
	case *metricspb.Metric_Histogram:
		for _, p := range data.Histogram.GetDataPoints() {
			one(func(m *metricspb.Metric) {
				m.Data = &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{
					DataPoints: []*metricspb.HistogramDataPoint{p}, AggregationTemporality: data.Histogram.GetAggregationTemporality(),
				}}
			})
		}
	case *metricspb.Metric_ExponentialHistogram:
		for _, p := range data.ExponentialHistogram.GetDataPoints() {
			one(func(m *metricspb.Metric) {
				m.Data = &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{
					DataPoints:             []*metricspb.ExponentialHistogramDataPoint{p},
					AggregationTemporality: data.ExponentialHistogram.GetAggregationTemporality(),
				}}
			})
		}
	case *metricspb.Metric_Summary:
		for _, p := range data.Summary.GetDataPoints() {
			one(func(m *metricspb.Metric) {
				m.Data = &metricspb.Metric_Summary{Summary: &metricspb.Summary{DataPoints: []*metricspb.SummaryDataPoint{p}}}
			})
		}
	}
	return all
}

// identity tells copies of an item in several logs.
type identity [sha256.Size]byte

// identify returns that of an entry. A span is known by its ids, anything else by all that it says.
func identify(e entry) (id identity, err error) {
	h := sha256.New()
	if span, ok := e.item.(*tracepb.Span); ok {
		_, _ = h.Write(span.GetTraceId())
		_, _ = h.Write(span.GetSpanId())
		return identity(h.Sum(nil)), nil
	}
	for _, m := range []proto.Message{e.resource.message, e.scope.message, e.item} {
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			return id, err
		}
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		_, _ = h.Write(text)
	}
	return identity(h.Sum(nil)), nil
}
