package otelx

import (
	"context"
	"errors"
	"fmt"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

// New configures tracing from opts and the environment, and makes its provider and propagator the global ones
// (otel.SetTracerProvider, otel.SetTextMapPropagator). It connects to nothing and starts no goroutine, so ctx bounds nothing
// yet; the end of ctx does not end the SDK.
//
// The SDK is usable even if New returns an error. Each error joined in it names a setting, its value, the problem and the
// remedy. A bad value counts as unset. New logs nothing; the OpenTelemetry SDK may report a bad OTEL_TRACES_SAMPLER or
// OTEL_RESOURCE_ATTRIBUTES to otel.Handle once more.
//
// New reads these variables, and those that the options name:
//
//   - OTEL_SDK_DISABLED=true (default false) makes the API's no-op the global provider and leaves the propagator;
//   - in milliseconds: OTEL_BSP_SCHEDULE_DELAY (5000), OTEL_BSP_EXPORT_TIMEOUT (30000; 0: none) and
//     OTEL_EXPORTER_OTLP_TIMEOUT (10000; 0: none);
//   - OTEL_EXPORTER_OTLP_COMPRESSION (none, gzip), OTEL_EXPORTER_OTLP_PROTOCOL (http/protobuf);
//   - PEM files: OTEL_EXPORTER_OTLP_CERTIFICATE, _CLIENT_CERTIFICATE and _CLIENT_KEY;
//   - OTEL_EXPORTER_OTLP_TRACES_…, which win over the general ones;
//   - the limits OTEL_ATTRIBUTE_*, OTEL_SPAN_*, OTEL_EVENT_* and OTEL_LINK_*.
//
// A retired EPILOGUE_* variable that is set is an error that names its successor.
func New(ctx context.Context, opts ...Option) (*SDK, error) { //nolint:revive // ctx: as other constructors of telemetry
	c := config.Resolve(os.Getenv, opts)
	s := &SDK{provider: noop.NewTracerProvider(), resource: resource.Empty()}
	if !c.Disabled {
		pipeline, err := newPipeline(c.Traces)
		if err != nil {
			c.Errs = append(c.Errs, err)
		}
		s.resource, s.pipeline, s.provider = c.Resource, pipeline, newProvider(c, pipeline)
	}
	otel.SetTextMapPropagator(c.Propagator)
	otel.SetTracerProvider(s.provider)
	if err := errors.Join(c.Errs...); err != nil {
		return s, fmt.Errorf("otelx: %w", err)
	}
	return s, nil
}

func newProvider(c *config.Config, p *pipeline) *sdktrace.TracerProvider {
	opts := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(c.Resource),
		sdktrace.WithSampler(c.Sampler),
		sdktrace.WithRawSpanLimits(c.SpanLimits),
		sdktrace.WithIDGenerator(c.IDGenerator),
	}
	if p != nil {
		opts = append(opts, sdktrace.WithSpanProcessor(p.processor))
	}
	return sdktrace.NewTracerProvider(opts...)
}
