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
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otlphttp"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
	"github.com/epilogue-go/epilogue/otelx/internal/faults"
	"github.com/epilogue-go/epilogue/otelx/internal/sdkmetrics"
	"github.com/epilogue-go/epilogue/otelx/internal/spiller"
	"github.com/epilogue-go/epilogue/otelx/internal/traces"
)

// New configures tracing from opts and the environment, and makes its provider and propagator the global ones
// (otel.SetTracerProvider, otel.SetTextMapPropagator). It connects to nothing and starts no goroutine, so ctx bounds nothing
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
	s := &SDK{resource: c.Resource}
	err := s.connect(c)
	if *c.Disabled {
		s.provider = noop.NewTracerProvider()
		return s, err
	}
	opts := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(c.Resource),
		sdktrace.WithSampler(c.Sampler),
		sdktrace.WithRawSpanLimits(*c.SpanLimits),
		sdktrace.WithIDGenerator(c.IDGenerator),
	}
	if c.Exports() {
		opts = append(opts, sdktrace.WithSpanProcessor(s.processor))
	}
	s.provider = newProvider(opts...)
	return s, err
}

// connect makes the way of a span from the provider to its destination. It works even if there is an error.
func (s *SDK) connect(c *config.Config) (err error) {
	if c.NewRecorder != nil {
		s.metrics, err = newRecorder(c)
	}
	s.engine, s.queue = s.newQueue(c)
	if s.metrics != nil {
		s.metrics.Observe(s.queue.Stats)
	}
	s.spiller = spiller.New(s.queue, c.Spill, c.SpillBytes)
	s.processor = traces.NewProcessor(s.queue, c.QueueSize, c.QueueBytes, s)
	return err
}

// newRecorder returns nil with an error.
func newRecorder(c *config.Config) (sdkmetrics.Recorder, error) {
	s := sdkmetrics.Subject{QueueSize: c.QueueSize, Endpoint: c.Endpoint.URL}
	switch {
	case c.Exporter != nil:
		s.Exporter, s.Foreign = c.Exporter, true
	case c.Sender != nil:
		s.Exporter = c.Sender
	}
	m, err := c.NewRecorder(s)
	if err != nil {
		return nil, fmt.Errorf("WithMeterProvider: %w; there are no metrics", err)
	}
	return m, nil
}

// newQueue makes the engine with its queue. Without a destination no span reaches them.
func (s *SDK) newQueue(c *config.Config) (*delivery.Engine, *traces.Queue) {
	report := faults.NewReporter()
	settings := delivery.Config{
		Signal:           delivery.Traces,
		Items:            "spans",
		Capacity:         c.QueueSize,
		MaxBytes:         c.QueueBytes,
		BatchSize:        c.BatchSize,
		RequestBytes:     c.RequestBytes,
		ItemBytes:        c.Limits.ItemBytes,
		Delay:            *c.ScheduleDelay,
		Timeout:          *c.ExportTimeout,
		Hedge:            true, // backends recognize a span by its ids
		DropError:        newDropError,
		OnError:          report.Failure,
		OnPartialSuccess: report.PartialSuccess,
		OnHint:           report.Hint,
	}
	if s.metrics != nil {
		settings.OnExport = s.metrics.Exported
	}
	sender, exporter := c.Sender, c.Exporter
	switch {
	case !c.Exports():
		exporter = traces.NewConsole(io.Discard)
	case c.Endpoint.URL != nil:
		sender = newHTTPSender(c)
	}
	if exporter != nil {
		items := traces.ItemSender(exporter)
		engine := delivery.NewItemEngine()
		return engine, delivery.NewItemQueue(engine, settings, items)
	}
	engine := delivery.NewEngine(sender, delivery.NewResources(settings.RequestBytes))
	return engine, delivery.NewQueue(engine, settings, traces.NewEncoder(c.Limits.ItemBytes, c.Limits.ResourceBytes))
}

// httpSender sends spans over a Client of its own.
type httpSender struct {
	*otlphttp.Sender

	client   *otlphttp.Client
	requests int // under way at once
}

func newHTTPSender(c *config.Config) delivery.Sender {
	client := otlphttp.NewClient(c.Client)
	return httpSender{client.Endpoint(c.Endpoint), client, c.Requests}
}

func (s httpSender) Limits() delivery.Limits {
	return delivery.Limits{Requests: s.requests, Breaker: true}
}

func (s httpSender) Send(ctx context.Context, _ delivery.Signal, body []byte) (delivery.Result, error) {
	return s.Sender.Send(ctx, body)
}

func (s httpSender) Close() error { return s.client.Close() }
