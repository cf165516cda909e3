package handler

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/version"
)

// TimeoutReporter is a [Tracker] that learns of invocations that time out. *agent.Agent is one. Without it the metric
// faas.timeouts counts only the invocations that return after their deadline.
type TimeoutReporter interface {
	// NotifyTimeout makes the tracker call f with the request id of each invocation that times out, before the last
	// flush that can deliver its telemetry. Wrap calls it once. f is safe for concurrent use.
	NotifyTimeout(f func(requestID string))
}

// metrics are the function's own metrics (OpenTelemetry semantic conventions, "FaaS Metrics"). An invocation counts in
// exactly one of invocations, errors and timeouts.
type metrics struct {
	invocations    metric.Int64Counter
	errors         metric.Int64Counter
	timeouts       metric.Int64Counter
	coldstarts     metric.Int64Counter
	invokeDuration metric.Float64Histogram
	initDuration   metric.Float64Histogram
	memUsage       metric.Int64Histogram

	running sync.Map // request id to *invocation, for timeouts
}

// outcome is what an invocation counts as.
type outcome int

const (
	succeeded outcome = iota
	failed
	timedOut
)

// The bucket boundaries of durations are those of the FaaS conventions. Those of memory are 16 MiB to 8 GiB, which
// covers the sizes of a function (AWS Lambda Developer Guide, "Configure Lambda function memory").
var (
	durationBounds = metric.WithExplicitBucketBoundaries(
		.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10)
	memoryBounds = metric.WithExplicitBucketBoundaries(
		16<<20, 32<<20, 64<<20, 128<<20, 256<<20, 512<<20, 1<<30, 2<<30, 4<<30, 8<<30)
)

// newMetrics returns the instruments of a provider. One that cannot be made records nothing.
//
// Package faasconv has the same names and units, but its types add 27 KB of code to a binary.
func newMetrics(provider metric.MeterProvider) (*metrics, error) {
	meter := provider.Meter(scopeName, metric.WithInstrumentationVersion(version.Version), metric.WithSchemaURL(semconv.SchemaURL))
	var errs []error
	counter := func(name, unit, description string) metric.Int64Counter {
		c, err := meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
		return c
	}
	duration := func(name, description string) metric.Float64Histogram {
		h, err := meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description), durationBounds)
		errs = append(errs, err)
		return h
	}
	m := &metrics{
		invocations:    counter("faas.invocations", "{invocation}", "Number of successful invocations."),
		errors:         counter("faas.errors", "{error}", "Number of invocation errors."),
		timeouts:       counter("faas.timeouts", "{timeout}", "Number of invocation timeouts."),
		coldstarts:     counter("faas.coldstarts", "{coldstart}", "Number of invocation cold starts."),
		invokeDuration: duration("faas.invoke_duration", "Measures the duration of the function's logic execution."),
		initDuration:   duration("faas.init_duration", "Measures the duration of the function's initialization, such as a cold start."),
	}
	var err error
	m.memUsage, err = meter.Int64Histogram("faas.mem_usage", metric.WithUnit("By"),
		metric.WithDescription("Distribution of max memory usage per invocation."), memoryBounds)
	return m, errors.Join(append(errs, err)...)
}

// enabled reports whether something takes any of the measurements.
func (m *metrics) enabled(ctx context.Context) bool {
	return m.invocations.Enabled(ctx) || m.errors.Enabled(ctx) || m.timeouts.Enabled(ctx) || m.coldstarts.Enabled(ctx) ||
		m.invokeDuration.Enabled(ctx) || m.initDuration.Enabled(ctx) || m.memUsage.Enabled(ctx)
}

// begin records the environment's initialization if inv is its first invocation, and remembers inv for its timeout.
func (m *metrics) begin(inv *invocation, how arrival, trigger attribute.KeyValue) {
	if !m.enabled(inv.ctx) {
		return
	}
	inv.measured = metric.WithAttributeSet(attribute.NewSet(trigger))
	if how.cold {
		m.coldstarts.Add(inv.ctx, 1, inv.measured)
	}
	if init := &inv.init; how.first && !init.began.IsZero() {
		m.initDuration.Record(inv.ctx, init.ended.Sub(init.began).Seconds(), inv.measured)
	}
	m.running.Store(inv.requestID, inv)
}

// end counts inv. Only its first outcome counts.
func (m *metrics) end(inv *invocation, o outcome) {
	if inv.measured == nil || inv.counted.Swap(true) {
		return
	}
	m.running.CompareAndDelete(inv.requestID, inv)
	ctx := trace.ContextWithSpan(inv.ctx, inv.span) // for exemplars
	switch o {
	case succeeded:
		m.invocations.Add(ctx, 1, inv.measured)
	case failed:
		m.errors.Add(ctx, 1, inv.measured)
	case timedOut:
		m.timeouts.Add(ctx, 1, inv.measured)
	}
	m.invokeDuration.Record(ctx, time.Since(inv.began).Seconds(), inv.measured)
	if !m.memUsage.Enabled(ctx) {
		return
	}
	if peak := peakMemory(); peak > 0 {
		m.memUsage.Record(ctx, peak, inv.measured)
	}
}

// timeOut counts a running invocation as timed out.
func (in *instrument) timeOut(requestID string) {
	in.protect(func() {
		if inv, ok := in.metrics.running.Load(requestID); ok {
			in.metrics.end(inv.(*invocation), timedOut) //nolint:forcetypeassert // begin stores no other type
		}
	})
}

// outcome returns what inv counts as when its span ends. Lambda reports a result past the deadline as a timeout.
func (inv *invocation) outcome() outcome {
	switch {
	case inv.pastDeadline():
		return timedOut
	case inv.failed.Load():
		return failed
	}
	return succeeded
}

// triggerOf returns the attribute faas.trigger of a span.
func triggerOf(attrs []attribute.KeyValue) attribute.KeyValue {
	for _, kv := range attrs {
		if kv.Key == semconv.FaaSTriggerKey {
			return kv
		}
	}
	return semconv.FaaSTriggerOther
}
