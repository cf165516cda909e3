package config

import (
	"io"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/otelx/internal/pipeline"
	"github.com/epilogue-go/epilogue/otelx/internal/sdkmetrics"
)

// Export are the settings of the export of one signal.
type Export = pipeline.Export

// Limits are the limits of a backend.
type Limits = pipeline.Limits

// Settings is what options write. The zero value of a field means that no option has set it.
type Settings struct {
	Propagator propagation.TextMapPropagator
	Resource   *resource.Resource
	Disabled   *bool

	Spill      io.Writer // nil: none
	SpillBytes int
	Requests   int // under way at once to one origin, of all signals

	// Common is for all signals. The settings of a signal win over it.
	Common  Export
	Traces  Traces
	Metrics Metrics
	Logs    Logs
}

// export returns the settings of the export of one signal.
func (s *Settings) export(signal otelenv.Signal) *Export {
	switch signal {
	case otelenv.Metrics:
		return &s.Metrics.Export
	case otelenv.Logs:
		return &s.Logs.Export
	default:
		return &s.Traces.Export
	}
}

// Traces are the settings of traces.
type Traces struct {
	Export

	Sampler     sdktrace.Sampler
	SpanLimits  *sdktrace.SpanLimits
	IDGenerator sdktrace.IDGenerator
	Exporter    sdktrace.SpanExporter // replaces encoder and sender
	// NewRecorder makes the recorder of the export's metrics. It is a function so that the linker omits metrics from programs
	// without WithMeterProvider.
	NewRecorder func(sdkmetrics.Subject) (sdkmetrics.Recorder, error)
}

// first returns a, or b if a is zero.
func first[T comparable](a, b T) T {
	var unset T
	if a != unset {
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
