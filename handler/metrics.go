package handler

import (
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/faasconv"
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
	invocations    faasconv.Invocations
	errors         faasconv.Errors
	timeouts       faasconv.Timeouts
	coldstarts     faasconv.Coldstarts
	invokeDuration faasconv.InvokeDuration
	initDuration   faasconv.InitDuration
	memUsage       faasconv.MemUsage

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
func newMetrics(provider metric.MeterProvider) (m *metrics, err error) {
	meter := provider.Meter(scopeName, metric.WithInstrumentationVersion(version.Version), metric.WithSchemaURL(semconv.SchemaURL))
	m = new(metrics)
	var errs [7]error
	m.invocations, errs[0] = faasconv.NewInvocations(meter)
	m.errors, errs[1] = faasconv.NewErrors(meter)
	m.timeouts, errs[2] = faasconv.NewTimeouts(meter)
	m.coldstarts, errs[3] = faasconv.NewColdstarts(meter)
	m.invokeDuration, errs[4] = faasconv.NewInvokeDuration(meter, durationBounds)
	m.initDuration, errs[5] = faasconv.NewInitDuration(meter, durationBounds)
	m.memUsage, errs[6] = faasconv.NewMemUsage(meter, memoryBounds)
	return m, errors.Join(errs[:]...)
}

// begin records the environment's initialization if inv is its first invocation, and remembers inv for its timeout.
func (m *metrics) begin(inv *invocation, how arrival, trigger attribute.KeyValue) {
	inv.trigger = trigger
	if how.cold {
		m.coldstarts.Add(inv.ctx, 1, trigger)
	}
	if init := &inv.init; how.first && !init.began.IsZero() {
		m.initDuration.Record(inv.ctx, init.ended.Sub(init.began).Seconds(), trigger)
	}
	if m.timeouts.Enabled(inv.ctx) {
		m.running.Store(inv.requestID, inv)
	}
}

// end counts inv. Only its first outcome counts.
func (m *metrics) end(inv *invocation, o outcome) {
	if inv.counted.Swap(true) {
		return
	}
	m.running.CompareAndDelete(inv.requestID, inv)
	ctx := trace.ContextWithSpan(inv.ctx, inv.span) // for exemplars
	switch o {
	case succeeded:
		m.invocations.Add(ctx, 1, inv.trigger)
	case failed:
		m.errors.Add(ctx, 1, inv.trigger)
	case timedOut:
		m.timeouts.Add(ctx, 1, inv.trigger)
	}
	m.invokeDuration.Record(ctx, time.Since(inv.began).Seconds(), inv.trigger)
	if m.memUsage.Enabled(ctx) {
		if peak := peakMemory(); peak > 0 {
			m.memUsage.Record(ctx, peak, inv.trigger)
		}
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
