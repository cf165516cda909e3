package otlpreceiver

import (
	"fmt"
	"strings"
	"time"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Signal is a kind of telemetry: the last part of a request's path.
type Signal string

// The signals.
const (
	Traces  Signal = "traces"
	Metrics Signal = "metrics"
	Logs    Signal = "logs"
)

// signalOf returns the signal of a request to path, "" if it has none.
func signalOf(path string) Signal {
	for _, signal := range []Signal{Traces, Metrics, Logs} {
		if strings.HasSuffix(path, "/v1/"+string(signal)) {
			return signal
		}
	}
	return ""
}

// batch is the items of a request. All of them belong to one signal.
type batch struct {
	spans   []Span
	points  []DataPoint
	records []LogRecord
}

// decodeBatch reads an export request of a signal. The messages TracesData, MetricsData and LogsData have the same wire
// format as the requests, whose packages need gRPC.
func decodeBatch(signal Signal, data []byte, isJSON bool) (batch, error) {
	d := decoder{isJSON: isJSON}
	var b batch
	switch signal {
	case Traces:
		request := new(tracepb.TracesData)
		d.unmarshal(data, request)
		b.spans = d.spans(request)
	case Metrics:
		request := new(metricspb.MetricsData)
		d.unmarshal(data, request)
		b.points = d.points(request)
	case Logs:
		request := new(logspb.LogsData)
		d.unmarshal(data, request)
		b.records = d.records(request)
	default:
		return b, fmt.Errorf("unknown signal %q", signal)
	}
	return b, d.err
}

func (b batch) size() int { return len(b.spans) + len(b.points) + len(b.records) }

// first returns the first n items.
func (b batch) first(n int) batch {
	return batch{
		spans:   b.spans[:min(n, len(b.spans))],
		points:  b.points[:min(n, len(b.points))],
		records: b.records[:min(n, len(b.records))],
	}
}

// arrive sets the time and the request of every item.
func (b batch) arrive(at time.Time, request int) {
	for i := range b.spans {
		b.spans[i].Arrived, b.spans[i].Request = at, request
	}
	for i := range b.points {
		b.points[i].Arrived, b.points[i].Request = at, request
	}
	for i := range b.records {
		b.records[i].Arrived, b.records[i].Request = at, request
	}
}
