package config

import (
	"io"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otlphttp"
	"github.com/epilogue-go/epilogue/otelx/internal/sdkmetrics"
)

// Settings is what options write. The zero value of a field means that no option has set it.
type Settings struct {
	Propagator  propagation.TextMapPropagator
	Resource    *resource.Resource
	Sampler     sdktrace.Sampler
	SpanLimits  *sdktrace.SpanLimits
	IDGenerator sdktrace.IDGenerator
	Disabled    *bool

	Exporter sdktrace.SpanExporter // replaces encoder and sender
	Sender   delivery.Sender       // replaces OTLP over HTTP
	Client   otlphttp.ClientConfig
	Endpoint otlphttp.EndpointConfig // without the following, which Resolve enters into it
	URL      string
	Timeout  *time.Duration // of an attempt; 0: none
	Compress string         // none or gzip

	QueueSize     int // spans
	QueueBytes    int // of their memory
	BatchSize     int // spans in a request
	RequestBytes  int
	ResponseBytes int // of the body of a response
	Requests      int // under way at once
	Limits        Limits
	ScheduleDelay *time.Duration // from the first span in an empty queue to its export in the background
	ExportTimeout *time.Duration // of a batch, and of a flush without a deadline; 0: none

	Spill      io.Writer // nil: none
	SpillBytes int
	// NewRecorder makes the recorder of the export's metrics. It is a function so that the linker omits metrics from programs
	// without WithMeterProvider.
	NewRecorder func(sdkmetrics.Subject) (sdkmetrics.Recorder, error)
}

// Limits are the limits of a backend, which hold whatever other settings allow. A zero field is no limit. Bytes count in the
// protobuf encoding before compression.
type Limits struct {
	RequestBytes int
	RequestItems int
	// ItemBytes bounds an encoded span. A larger one is reduced; it is dropped as too large only if that does not suffice.
	ItemBytes int
	// ResourceBytes bounds a resource together with one of its scopes. A larger one is reported to otel.Handle once and sent,
	// because only the backend can decide about it.
	ResourceBytes int
}

// or returns l with the fields of preset instead of zero fields.
func (l Limits) or(preset Limits) Limits {
	return Limits{
		RequestBytes:  first(l.RequestBytes, preset.RequestBytes),
		RequestItems:  first(l.RequestItems, preset.RequestItems),
		ItemBytes:     first(l.ItemBytes, preset.ItemBytes),
		ResourceBytes: first(l.ResourceBytes, preset.ResourceBytes),
	}
}

// first returns the first of two numbers that is not zero.
func first(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}

// capped returns n, or limit if that is lower and not 0.
func capped(n, limit int) int {
	if limit > 0 {
		return min(n, limit)
	}
	return n
}
