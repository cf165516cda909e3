// Package sdkmetrics reports the export of an SDK to a meter provider: the metrics of the OpenTelemetry semantic conventions for
// SDKs, and some of its own.
package sdkmetrics

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
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

// durations are the bounds of the histograms' buckets in seconds: from a collector in the same environment to the default timeout of
// an export.
func durations() metric.HistogramOption {
	return metric.WithExplicitBucketBoundaries(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
}

// Subject is the export that is measured.
type Subject struct {
	Exporter  any      // the program's exporter or the backend's sender; nil: OTLP over HTTP
	Foreign   bool     // Exporter is the program's
	Endpoint  *url.URL // of OTLP over HTTP
	QueueSize int      // spans
	Handler   *faults.Handler
	// IsDrop reports whether an error of a flush is about lost spans.
	IsDrop func(error) bool
}

// Recorder measures the export of one SDK. It calls the meter provider with no lock held.
type Recorder interface {
	// Exported records the export of a batch.
	Exported(x delivery.Export)
	// Observe begins to report the counts that stats returns.
	Observe(stats func() delivery.Stats)
	// FlushEnded records a ForceFlush that began at began and returned err.
	FlushEnded(ctx context.Context, began time.Time, err error)
	// Close ends the reports after the next collection, which has the final counts.
	Close()
}

type recorder struct {
	isDrop  func(error) bool
	foreign bool
	failed  atomic.Bool // the failure of the meter provider is reported
	handler *faults.Handler

	processor, exporter []attribute.KeyValue
	flushes, exports    metric.Float64Histogram
	counts              *countsReport
}

// New makes the instruments at provider. An error that says why there are no metrics includes a panic of provider, and a call that
// does not return within 100 ms.
func New(provider metric.MeterProvider, s Subject) (Recorder, error) {
	number := measured.Add(1) - 1
	m := &recorder{isDrop: s.IsDrop, foreign: s.Foreign, handler: s.Handler}
	m.processor, m.exporter = component(processorType, number), s.exporterComponent(number)
	m.counts = &countsReport{
		capacity: int64(s.QueueSize), processor: m.processor, exporter: m.exporter,
		registration: make(chan metric.Registration, 1),
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
	exports, err2 := otelconv.NewSDKExporterOperationDuration(meter, durations())
	m.flushes, m.exports = flushes, exports.Inst()
	return errors.Join(err1, err2, m.counts.instruments(meter))
}

func (m *recorder) Observe(stats func() delivery.Stats) { m.counts.stats.Store(&stats) }

func (m *recorder) Close() { m.counts.last.Store(true) }

func (m *recorder) FlushEnded(ctx context.Context, began time.Time, err error) {
	errorType := "undelivered" // spans are kept for the next flush
	switch {
	case err == nil:
		errorType = ""
	case m.isDrop(err): // since the last flush
		errorType = "dropped"
	case ctx.Err() != nil:
		errorType = "timeout"
	}
	// The flush's context may have ended, so the provider gets one that has not.
	m.record(context.WithoutCancel(ctx), m.flushes, time.Since(began), withErrorType(m.processor, errorType))
}

func (m *recorder) Exported(x delivery.Export) {
	attrs := withErrorType(m.exporter, m.errorType(x))
	if x.Status != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(x.Status))
	}
	m.record(context.Background(), m.exports, x.Took, attrs)
}

// errorType classifies an export; empty is a full success.
func (m *recorder) errorType(x delivery.Export) string {
	var timeout interface{ Timeout() bool } // of net.Error and context.DeadlineExceeded
	switch {
	case x.Outcome == delivery.Refused:
		return "refused"
	case x.Outcome == delivery.TooLarge:
		return "too_large"
	case x.Outcome == delivery.Accepted && x.Rejected > 0:
		return "rejected"
	case x.Outcome == delivery.Accepted:
		return ""
	case x.Late || errors.As(x.Err, &timeout) && timeout.Timeout():
		return "timeout"
	case m.foreign:
		return "_OTHER"
	}
	return "unavailable" // no answer, or a retryable one
}

// record records a duration.
func (m *recorder) record(ctx context.Context, h metric.Float64Histogram, d time.Duration, attrs []attribute.KeyValue) {
	if err := bounded.Protect(func() { h.Record(ctx, d.Seconds(), metric.WithAttributes(attrs...)) }); err != nil {
		if !m.failed.Swap(true) {
			//nolint:contextcheck // the handler has a time of its own
			m.handler.Handle(fmt.Errorf("otelx: metrics of the export are incomplete: %s %w", subject, err))
		}
	}
}

// withErrorType returns the attributes of base, and the error type unless it is empty.
func withErrorType(base []attribute.KeyValue, errorType string) []attribute.KeyValue {
	attrs := slices.Clip(base)
	if errorType != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(errorType))
	}
	return attrs
}
