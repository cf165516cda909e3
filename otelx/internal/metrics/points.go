package metrics

import (
	"fmt"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/emf"
	"github.com/epilogue-go/epilogue/internal/otlp"
	"github.com/epilogue-go/epilogue/otelx/internal/encoding"
)

// NewEncoder returns a constructor of encoders of OTLP. A resource and one of its scopes that have more than resourceBytes
// together (0: no limit) make a hint.
func NewEncoder(resourceBytes int) func() delivery.Encoder[otlp.Point] {
	newRequests := func() encoding.Requests[otlp.Point] { return new(otlp.MetricEncoder) }
	return encoding.New(newRequests, resourceBytes, func(p otlp.Point) string {
		return fmt.Sprintf("data point of metric %q", p.Name())
	})
}

// Push returns Config.Push for data points of OTLP.
func Push(q *delivery.Queue[otlp.Point]) func(*metricdata.ResourceMetrics) (invalid int, err error) {
	return func(rm *metricdata.ResourceMetrics) (invalid int, err error) {
		points, err := otlp.EncodePoints(rm)
		q.PushCollection(points, otlp.Point.Memory, otlp.Point.Replaceable)
		return 0, err
	}
}

// PushEMF returns Config.Push for data points of the embedded metric format. None of them replaces another one: CloudWatch adds
// them up.
func PushEMF(q *delivery.Queue[emf.Point], c *emf.Converter) func(*metricdata.ResourceMetrics) (invalid int, err error) {
	size := func(p emf.Point) int { return p.Bytes() }
	stays := func(emf.Point) bool { return false }
	return func(rm *metricdata.ResourceMetrics) (invalid int, err error) {
		points, invalid := c.Points(rm)
		q.PushCollection(points, size, stays)
		return invalid, nil
	}
}
