// Package sdkmetrics reports the export of an SDK to a meter provider: the metrics of the OpenTelemetry semantic conventions for
// SDKs, and some of its own.
package sdkmetrics

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/otelconv"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/version"
	"github.com/epilogue-go/epilogue/otelx/internal/faults"
)

const (
	meterName = "github.com/epilogue-go/epilogue/otelx"

	flushDuration = "epilogue.flush.duration"
	breakerState  = "epilogue.breaker.state" // the metric, and its attribute

	// timeout is how long New waits for the meter provider.
	timeout = 100 * time.Millisecond
	subject = "the meter provider" // of errors
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

// Subject is the export that is measured.
type Subject struct {
	Exporter  any      // the program's exporter or the backend's sender; nil: OTLP over HTTP
	Endpoint  *url.URL // of OTLP over HTTP
	QueueSize int      // spans
	// IsDrop reports whether an error of a flush is about lost spans.
	IsDrop func(error) bool
}

// Recorder measures the export of one SDK. It calls the meter provider with no lock held.
type Recorder interface {
	// Sender returns s with its attempts measured.
	Sender(s delivery.Sender) delivery.Sender
	// Exporter returns x with its attempts measured.
	Exporter(x ItemSender) ItemSender
	// Observe begins to report the counts that stats returns.
	Observe(stats func() delivery.Stats)
	// FlushEnded records a ForceFlush that began at began and returned err.
	FlushEnded(ctx context.Context, began time.Time, err error)
	// Close ends the reports after the next collection, which has the final counts.
	Close()
}

// ItemSender is a custom exporter.
type ItemSender = delivery.ItemSender[sdktrace.ReadOnlySpan]

type recorder struct {
	isDrop  func(error) bool
	failure sync.Once // the report of it
	handler *faults.Handler

	flushes  metric.Float64Histogram
	attempts metric.Float64Histogram
	flushed  map[string]metric.MeasurementOption // attributes by error type; never changed
	tried    map[string]metric.MeasurementOption // the same, of attempts

	counts *countsReport
}

// New makes the instruments at provider. An error that says why there are no metrics includes a panic of provider, and a call that
// does not return within 100 ms.
func New(provider metric.MeterProvider, s Subject) (Recorder, error) {
	number := measured.Add(1) - 1
	processor, exporter := component(processorType, number), s.exporterComponent(number)
	m := &recorder{
		isDrop:  s.IsDrop,
		handler: &faults.Handler{},
		flushed: byErrorType(processor, typeTimeout, typeUndelivered, typeDropped),
		tried:   byErrorType(exporter, "rejected", "refused", "too_large", typeTimeout, typeUnavailable, typeOther),
		counts:  newCountsReport(processor, exporter, s.QueueSize),
	}
	return m, m.makeInstruments(provider)
}

// makeInstruments calls the provider, which may panic or block.
func (m *recorder) makeInstruments(provider metric.MeterProvider) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	made := make(chan error, 1) // m's own fields are set before it is sent to
	err := bounded.Run(ctx, 0, func(context.Context) { made <- m.instruments(provider) })
	switch {
	case errors.Is(err, bounded.ErrNotReturned):
		return fmt.Errorf("%s did not return within %s", subject, timeout)
	case err != nil:
		return fmt.Errorf("%s %w", subject, err)
	}
	return <-made
}

func (m *recorder) instruments(provider metric.MeterProvider) error {
	meter := provider.Meter(meterName,
		metric.WithInstrumentationVersion(version.Version), metric.WithSchemaURL(semconv.SchemaURL))
	flushes, err1 := meter.Float64Histogram(flushDuration, durations(), metric.WithUnit("s"),
		metric.WithDescription("The duration of ForceFlush, as its caller sees it."))
	attempts, err2 := otelconv.NewSDKExporterOperationDuration(meter, durations())
	m.flushes, m.attempts = flushes, attempts.Inst()
	return errors.Join(err1, err2, m.counts.instruments(meter))
}

func (m *recorder) Sender(s delivery.Sender) delivery.Sender { return measuredSender{s, m} }

func (m *recorder) Exporter(x ItemSender) ItemSender { return measuredExporter{x, m} }

func (m *recorder) Observe(stats func() delivery.Stats) { m.counts.stats.Store(&stats) }

func (m *recorder) Close() { m.counts.last.Store(true) }

func (m *recorder) FlushEnded(ctx context.Context, began time.Time, err error) {
	kind := typeUndelivered
	switch {
	case err == nil:
		kind = ""
	case m.isDrop(err):
		kind = typeDropped
	case ctx.Err() != nil:
		kind = typeTimeout
	}
	m.record(ctx, m.flushes, time.Since(began), m.flushed[kind])
}

// attempted records an attempt that began at began.
func (m *recorder) attempted(ctx context.Context, began time.Time, errorType string) {
	m.record(ctx, m.attempts, time.Since(began), m.tried[errorType])
}

// record records a duration. The measured operation's context may have ended, so the provider gets one that has not.
func (m *recorder) record(ctx context.Context, h metric.Float64Histogram, d time.Duration, attrs metric.MeasurementOption) {
	ctx = context.WithoutCancel(ctx)
	if err := bounded.Protect(func() { h.Record(ctx, d.Seconds(), attrs) }); err != nil {
		m.failure.Do(func() { //nolint:contextcheck // the handler has a time of its own
			m.handler.Handle(fmt.Errorf("otelx: metrics of the export are incomplete: %s %w", subject, err))
		})
	}
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
