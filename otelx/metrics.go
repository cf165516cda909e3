package otelx

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/otelconv"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/version"
)

const (
	meterName = "github.com/epilogue-go/epilogue/otelx"

	flushDuration = "epilogue.flush.duration"
	breakerState  = "epilogue.breaker.state" // the metric, and its attribute
)

// durations are the bounds of the histograms' buckets in seconds: from a collector in the same environment to the longest
// timeout.
func durations() metric.HistogramOption {
	return metric.WithExplicitBucketBoundaries(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
}

// Error types of the histograms. Those of drops are the reasons in Dropped.
const (
	typeTimeout     = "timeout"     // no answer in time
	typeUnavailable = "unavailable" // no answer, or a retryable one
	typeUndelivered = "undelivered" // spans are kept for the next flush
	typeDropped     = "dropped"     // spans were lost since the last flush
	typeOther       = "_OTHER"      // a custom exporter failed
)

// measurer is the rest of the package's view of metrics. Only WithMeterProvider makes one, so that the linker omits metrics from
// programs without that option.
type measurer interface {
	around(d destination) destination
	observe(stats func() delivery.Stats)
	flushEnded(ctx context.Context, began time.Time, err error)
	close()
}

// measure returns d with its attempts measured, and what measures them; nil without a meter provider.
func (c *config) measure(env *otelenv.Reader, d destination, queueSize int) (destination, measurer) {
	newMeasurer := c.chosen.measurer
	if newMeasurer == nil {
		newMeasurer = c.fallback.measurer
	}
	if newMeasurer == nil {
		return d, nil
	}
	m, err := newMeasurer(c, d, queueSize)
	if err != nil {
		env.Fail(fmt.Errorf("WithMeterProvider: %w; there are no metrics", err))
		return d, nil
	}
	return m.around(d), m
}

// metrics reports the export to a meter provider, which is the program's: through a guard and with no lock held.
type metrics struct {
	guard   *guard
	failure sync.Once // the report of it
	handler errorHandler

	flushes  metric.Float64Histogram
	attempts metric.Float64Histogram
	flushed  map[string]metric.MeasurementOption // attributes by error type; never changed
	tried    map[string]metric.MeasurementOption // the same, of attempts

	counts *statsReport // the observed counts
}

// newMetrics makes the instruments at provider.
func newMetrics(c *config, provider metric.MeterProvider, d destination, queueSize int) (*metrics, error) {
	m := &metrics{guard: newGuard("the meter provider"), handler: newErrorHandler()}
	number := measured.Add(1) - 1
	processor, exporter := component(processorType, number), c.exporterComponent(d, number)
	m.flushed = byErrorType(processor, typeTimeout, typeUndelivered, typeDropped)
	m.tried = byErrorType(exporter, "rejected", "refused", "too_large", typeTimeout, typeUnavailable, typeOther)
	m.counts = newStatsReport(processor, exporter, queueSize)

	made := make(chan error, 1) // m's own fields are set before it is sent to
	err := m.guard.call(func() { made <- m.instruments(provider) })
	if err == nil {
		err = <-made
	}
	return m, err
}

// instruments makes the instruments.
func (m *metrics) instruments(provider metric.MeterProvider) error {
	meter := provider.Meter(meterName,
		metric.WithInstrumentationVersion(version.Version), metric.WithSchemaURL(semconv.SchemaURL))
	var err, first error
	m.flushes, err = meter.Float64Histogram(flushDuration, durations(), metric.WithUnit("s"),
		metric.WithDescription("The duration of ForceFlush, as its caller sees it."))
	first = err
	attempts, err := otelconv.NewSDKExporterOperationDuration(meter, durations())
	m.attempts = attempts.Inst()
	return errors.Join(first, err, m.counts.instruments(meter))
}

// observe begins to report the account that stats returns.
func (m *metrics) observe(stats func() delivery.Stats) { m.counts.stats.Store(&stats) }

// close ends the reports after the next collection, which has the final counts.
func (m *metrics) close() { m.counts.last.Store(true) }

// flushEnded records a ForceFlush that began at began and returned err.
func (m *metrics) flushEnded(ctx context.Context, began time.Time, err error) {
	var lost *DropError
	kind := typeUndelivered
	switch {
	case err == nil:
		kind = ""
	case errors.As(err, &lost):
		kind = typeDropped
	case ctx.Err() != nil:
		kind = typeTimeout
	}
	m.record(ctx, m.flushes, time.Since(began), m.flushed[kind])
}

// record records a duration. The measured operation's context may have ended, so the provider gets one that has not.
func (m *metrics) record(ctx context.Context, h metric.Float64Histogram, d time.Duration, attrs metric.MeasurementOption) {
	ctx = context.WithoutCancel(ctx)
	err := m.guard.call(func() { h.Record(ctx, d.Seconds(), attrs) }) //nolint:contextcheck // the guard's own time counts
	if err != nil {
		m.failure.Do(func() { //nolint:contextcheck // as above
			m.handler.handle(fmt.Errorf("otelx: metrics of the export are incomplete: %w", err))
		})
	}
}

// around returns d with its attempts measured.
func (m *metrics) around(d destination) destination {
	if d.sender != nil {
		d.sender = measuredSender{d.sender, m}
	}
	if d.exporter != nil {
		d.exporter = measuredExporter{d.exporter, m}
	}
	return d
}

// attempted records an attempt that began at began.
func (m *metrics) attempted(ctx context.Context, began time.Time, errorType string) {
	m.record(ctx, m.attempts, time.Since(began), m.tried[errorType])
}

// measuredSender measures the attempts of another sender.
type measuredSender struct {
	delivery.Sender
	metrics *metrics
}

func (s measuredSender) Send(ctx context.Context, signal delivery.Signal, body []byte) (delivery.Result, error) {
	began := time.Now()
	res, err := s.Sender.Send(ctx, signal, body)
	s.metrics.attempted(ctx, began, errorType(ctx, res, err))
	return res, err
}

// measuredExporter measures the attempts of a custom exporter.
type measuredExporter struct {
	delivery.ItemSender[sdktrace.ReadOnlySpan]
	metrics *metrics
}

func (x measuredExporter) SendItems(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	began := time.Now()
	err := x.ItemSender.SendItems(ctx, spans)
	kind := ""
	switch {
	case err == nil:
	case ctx.Err() != nil || isTimeout(err):
		kind = typeTimeout
	default:
		kind = typeOther
	}
	x.metrics.attempted(ctx, began, kind)
	return err
}

// errorType classifies an attempt; empty is a full success.
func errorType(ctx context.Context, res delivery.Result, err error) string {
	switch {
	case res.Outcome == delivery.Accepted && res.Rejected > 0:
		return "rejected"
	case res.Outcome == delivery.Accepted:
		return ""
	case res.Outcome == delivery.Refused:
		return "refused"
	case res.Outcome == delivery.TooLarge:
		return "too_large"
	case ctx.Err() != nil || isTimeout(err):
		return typeTimeout
	}
	return typeUnavailable
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool } // of net.Error and context.DeadlineExceeded
	return errors.As(err, &timeout) && timeout.Timeout()
}

// byErrorType returns the attributes of base alone and with each of types.
func byErrorType(base []attribute.KeyValue, types ...string) map[string]metric.MeasurementOption {
	sets := map[string]metric.MeasurementOption{"": metric.WithAttributeSet(attribute.NewSet(base...))}
	for _, t := range types {
		attrs := append([]attribute.KeyValue{semconv.ErrorTypeKey.String(t)}, base...)
		sets[t] = metric.WithAttributeSet(attribute.NewSet(attrs...))
	}
	return sets
}
