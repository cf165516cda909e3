package otelx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otlp"
	"github.com/epilogue-go/epilogue/internal/spill"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
	"github.com/epilogue-go/epilogue/otelx/internal/faults"
	"github.com/epilogue-go/epilogue/otelx/internal/pipeline"
	"github.com/epilogue-go/epilogue/otelx/internal/sdkmetrics"
	"github.com/epilogue-go/epilogue/otelx/internal/spiller"
	"github.com/epilogue-go/epilogue/otelx/internal/traces"
)

// New configures traces from opts and the environment, and with [WithMetrics] and [WithLogs] the other signals. It makes their
// providers and the propagator the global ones. It connects to nothing and starts no goroutine, so ctx bounds nothing
// yet; the end of ctx does not end the SDK.
//
// The SDK is usable even if New returns an error. Each error joined in it names a setting, its value, the problem and the
// remedy. A bad value counts as unset. New logs nothing.
//
// New reads the variables that the options name, unless an option sets the same setting. It does not support these, and an error says
// so if one is set: an OTEL_EXPORTER_OTLP_PROTOCOL other than http/protobuf, OTEL_CONFIG_FILE, an EPILOGUE_* variable that has
// another name now, and without [WithGetenv] one that is unknown.
//
// While New makes the provider, the process's OTEL_RESOURCE_ATTRIBUTES and OTEL_TRACES_SAMPLER are unset for some microseconds if the
// OpenTelemetry SDK would read them in another way than otelx: it reports bad values a second time.
func New(ctx context.Context, opts ...Option) (*SDK, error) { //nolint:revive // ctx: as other constructors of telemetry
	c := config.Resolve(os.Getenv, opts)
	s, err := newSDK(c)
	otel.SetTextMapPropagator(c.Propagator)
	otel.SetTracerProvider(s.provider)
	if err := errors.Join(append(c.Errs, err)...); err != nil {
		return s, fmt.Errorf("otelx: %w", err)
	}
	return s, nil
}

// newSDK returns an SDK that works even if there is an error.
func newSDK(c *config.Config) (*SDK, error) {
	if *c.Disabled {
		c.Resource = resource.Empty()
	}
	requestBytes := max(c.Traces.RequestBytes, c.Metrics.RequestBytes, c.Logs.RequestBytes)
	s := &SDK{resource: c.Resource, builder: pipeline.NewBuilder(requestBytes, c.Requests, &faults.Handler{})}
	s.builder.DropError = newDropError
	err := s.connectTraces(c)
	if c.Metrics.On != nil {
		var metrics *pipeline.Signal
		metrics, s.meters = c.Metrics.On(s.builder, c, s)
		s.signals = append(s.signals, metrics)
	}
	if c.Logs.On != nil {
		var logs *pipeline.Signal
		logs, s.loggers = c.Logs.On(s.builder, c, s)
		s.signals = append(s.signals, logs)
	}
	s.connected(c)
	if *c.Disabled {
		s.provider = noop.NewTracerProvider()
		return s, err
	}
	opts := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(c.Resource),
		sdktrace.WithSampler(c.Traces.Sampler),
		sdktrace.WithRawSpanLimits(*c.Traces.SpanLimits),
		sdktrace.WithIDGenerator(c.Traces.IDGenerator),
	}
	if c.Traces.Exports() {
		opts = append(opts, sdktrace.WithSpanProcessor(s.processor))
	}
	s.provider = hiding(func() trace.TracerProvider { return sdktrace.NewTracerProvider(opts...) })
	return s, err
}

// connectTraces makes the way of a span from the provider to its destination. It works even if there is an error. Without a
// destination no span reaches it.
func (s *SDK) connectTraces(c *config.Config) (err error) {
	x := &c.Traces
	settings := s.builder.QueueConfig(delivery.Traces, &x.Export)
	settings.Hedge = true // backends recognize a span by its ids
	if x.NewRecorder != nil {
		s.recorder, err = newRecorder(x, s.builder.Handler)
	}
	if s.recorder != nil {
		settings.OnExport = s.recorder.Exported
	}
	q := s.newSpanQueue(x, settings)
	s.processor = traces.NewProcessor(q, x.QueueSize, x.QueueBytes, s)
	if s.recorder != nil {
		s.recorder.Observe(q.Stats)
	}
	spills := spiller.Of(q, settings.Items, func() spill.Encoder[sdktrace.ReadOnlySpan] { return otlp.NewSpanLineEncoder() })
	s.signals = append(s.signals, &pipeline.Signal{
		Name: delivery.Traces, Queues: []pipeline.Queue{q}, Spills: []spiller.Queue{spills},
	})
	return err
}

// connected completes the SDK when all signals are connected.
func (s *SDK) connected(c *config.Config) {
	var spills []spiller.Queue
	for _, signal := range s.signals {
		s.queues = append(s.queues, signal.Queues...)
		spills = append(spills, signal.Spills...)
	}
	s.spiller = spiller.New(c.Spill, c.SpillBytes, spills...)
}

func (s *SDK) newSpanQueue(x *config.Traces, settings delivery.Config) *traces.Queue {
	exporter := x.Exporter
	if !x.Exports() {
		exporter = traces.NewConsole(io.Discard)
	}
	if exporter != nil {
		return delivery.NewItemQueue(s.builder.ItemEngine(), settings, traces.ItemSender(exporter))
	}
	engine := s.builder.Engine(delivery.Traces, &x.Export)
	return delivery.NewQueue(engine, settings, traces.NewEncoder(x.Limits.ItemBytes, x.Limits.ResourceBytes))
}

// newRecorder returns nil with an error.
func newRecorder(x *config.Traces, handler *faults.Handler) (sdkmetrics.Recorder, error) {
	s := sdkmetrics.Subject{QueueSize: x.QueueSize, Endpoint: x.Endpoint, Handler: handler}
	switch {
	case x.Exporter != nil:
		s.Exporter, s.Foreign = x.Exporter, true
	case x.Sender != nil:
		s.Exporter = x.Sender
	}
	m, err := x.NewRecorder(s)
	if err != nil {
		return nil, fmt.Errorf("WithMeterProvider: %w; there are no metrics", err)
	}
	return m, nil
}
