package otelx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/epilogue-go/epilogue/internal/counts"
	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/retired"
)

// SDK is a configured tracing SDK. Its methods are safe for concurrent use and never panic.
type SDK struct {
	provider trace.TracerProvider
	resource *resource.Resource
	pipeline *pipeline // nil if nothing is exported; then all methods do nothing
}

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
	c := newConfig(os.Getenv, opts)
	env := otelenv.New(c.getenv)
	s := &SDK{provider: noop.NewTracerProvider(), resource: resource.Empty()}
	propagator := c.resolvePropagator(env)
	if !env.Bool("OTEL_SDK_DISABLED") {
		s.resource = c.resolveResource(env)
		s.pipeline = c.newPipeline(env)
		s.provider = c.newProvider(env, s.resource, s.pipeline)
	}
	for _, err := range retired.Check(retired.OTelX, c.getenv) {
		env.Fail(err)
	}
	otel.SetTextMapPropagator(propagator)
	otel.SetTracerProvider(s.provider)
	if err := errors.Join(append(c.errs, env.Errs()...)...); err != nil {
		return s, fmt.Errorf("otelx: %w", err)
	}
	return s, nil
}

func (c *config) newProvider(env *otelenv.Reader, r *resource.Resource, p *pipeline) *sdktrace.TracerProvider {
	sampler := c.chosen.sampler
	if sampler == nil {
		sampler = readSampler(env, c.fallback.sampler)
	}
	opts := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(r),
		sdktrace.WithSampler(sampler),
		sdktrace.WithRawSpanLimits(readSpanLimits(env)),
		sdktrace.WithIDGenerator(pick(c.chosen.idGenerator, c.fallback.idGenerator)),
	}
	if p != nil {
		opts = append(opts, sdktrace.WithSpanProcessor(p.processor))
	}
	return sdktrace.NewTracerProvider(opts...)
}

// requestSize returns the most bytes of a request.
func (c *config) requestSize(env *otelenv.Reader) int {
	size := env.Int(leastRequestBytes, mostRequestBytes, pick(c.fallback.requestSize, defaultRequestBytes),
		"EPILOGUE_MAX_REQUEST_SIZE")
	return capped(pick(c.chosen.requestSize, size), c.resolveLimits().RequestBytes)
}

// sizes returns the bounds of the queue and of a batch.
func (c *config) sizes(env *otelenv.Reader) (queue, batch int) {
	const queueKey, batchKey = "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
	queue, batch = c.chosen.queueSize, c.chosen.batchSize
	if queue == 0 {
		queue = env.Int(1, otelenv.MaxInt, pick(c.fallback.queueSize, sdktrace.DefaultMaxQueueSize), queueKey)
	}
	standard := min(pick(c.fallback.batchSize, sdktrace.DefaultMaxExportBatchSize), queue)
	if batch == 0 {
		batch = env.Int(1, otelenv.MaxInt, standard, batchKey)
	}
	if batch > queue {
		env.Fail(fmt.Errorf("%s=%d: more than the queue's %d spans (raise %s); %d is used", batchKey, batch, queue, queueKey, queue))
		batch = queue
	}
	if c.sendsOTLP() {
		batch = capped(batch, c.resolveLimits().RequestSpans)
	}
	return queue, batch
}

// TracerProvider returns the provider that New has made the global one: the API's no-op if OTEL_SDK_DISABLED is true.
// Shut it down with [SDK.Shutdown].
func (s *SDK) TracerProvider() trace.TracerProvider { return s.provider }

// ForceFlush exports all sampled spans that ended before the call. It returns nil only if all of them were delivered.
//
// Concurrent callers share one export, and each waits under its own ctx. When ctx ends, ForceFlush returns its error at
// once. The export continues only while another caller waits, so nothing is on the wire when the last caller has returned.
// Undelivered spans stay in the queue and are sent first next time. A ctx without a deadline has OTEL_BSP_EXPORT_TIMEOUT.
//
// ForceFlush repeats failed attempts after pauses of 20 ms up to a second, until none has succeeded for half a second or for a
// quarter of the time that ctx had, whichever is longer. It honors Retry-After up to 5 minutes; if that exceeds the time of
// ctx, it returns at once, and until then only Shutdown sends. docs/reliability.md has the timeouts of attempts.
//
// While the circuit breaker is open, ForceFlush returns an error at once, without a request.
//
// If spans were dropped since the last flush that could tell, the error has a [*DropError] with the counts.
func (s *SDK) ForceFlush(ctx context.Context) error {
	if s.pipeline == nil {
		return nil
	}
	return s.pipeline.ForceFlush(ctx)
}

// Shutdown flushes and then closes the exporter. It ignores the circuit breaker and Retry-After, and retries until ctx ends.
// An export under way continues for as long as Shutdown waits. A request without a response for half of its time is sent once
// more on another connection. Spans that end after the call are dropped and counted.
//
// Any number of callers share one Shutdown, each under its own ctx. The exporter is closed when the last of them has flushed.
// Then undelivered spans are spilled ([WithSpill]) or stay pending, and every later Shutdown or ForceFlush returns an error
// about pending spans again.
//
// Give ctx a deadline. Without one, a backend that is down holds Shutdown for OTEL_BSP_EXPORT_TIMEOUT.
func (s *SDK) Shutdown(ctx context.Context) error {
	if s.pipeline == nil {
		return nil
	}
	return s.pipeline.Shutdown(ctx)
}

// SetExitDeadline tells the SDK that the process exits at t. A Shutdown or a last ForceFlush is expected to follow. Until t
//
//   - exports, including one under way, ignore the circuit breaker and Retry-After, retry until the end, and repeat a request
//     that has no response for half of its time;
//   - an export under way continues even if the caller of its ForceFlush leaves; the next ForceFlush joins it;
//   - a batch of spans is exported as soon as it is full.
//
// If the process lives on after t, everything is normal again. A zero t clears the deadline. SetExitDeadline returns at once.
func (s *SDK) SetExitDeadline(t time.Time) {
	if s.pipeline != nil {
		s.pipeline.engine.SetExitDeadline(t)
	}
}

// SpillPending writes the pending spans as lines until ctx ends, or for one second if ctx has no deadline, and returns how
// many spans it has written; 0 without [WithSpill]. It is for a process that is about to exit without Shutdown, after a
// ForceFlush that failed. Spilled spans leave the queue, even if the process lives on.
func (s *SDK) SpillPending(ctx context.Context) int {
	if s.pipeline == nil {
		return 0
	}
	return s.pipeline.spiller.pending(ctx)
}

// EndOpenSpans ends the sampled spans that are open: those with a span ID in roots and all below them, or every open span if
// roots is nil. Each span gets the status Error with reason, unless its status is Ok already, and the same end time. With a
// non-empty errorType, such as "timeout", each span without the attribute error.type gets it, as far as
// OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT allows (OpenTelemetry semantic conventions, error.type). It returns how many spans it
// ended. One call with many roots takes one pass over the open spans.
//
// The SDK knows as many open spans as the queue holds (OTEL_BSP_MAX_QUEUE_SIZE). A span that starts beyond that replaces one
// that has been open for more than 15 minutes, or is not known. A span whose parent has ended counts as below a root only if
// that root is the one entry of the trace into this process.
func (s *SDK) EndOpenSpans(roots [][8]byte, errorType, reason string) int {
	if s.pipeline == nil {
		return 0
	}
	return s.pipeline.processor.EndOpenSpans(roots, errorType, reason)
}

// SetBackgroundExport switches the export by timer on, as it is after New, or off, as it must be if the process may be frozen.
// An export under way continues. With the timer off it belongs to the next caller of ForceFlush and ends with that call.
func (s *SDK) SetBackgroundExport(on bool) {
	if s.pipeline != nil {
		s.pipeline.queue.SetBackgroundExport(on)
	}
}

// Resource returns the resource of the SDK's spans. It is empty if OTEL_SDK_DISABLED is true.
func (s *SDK) Resource() *resource.Resource { return s.resource }

// Pending returns how many spans are pending, and whether a flush must not be deferred: an export is under way, a quarter
// of the queue is in use ([WithMaxQueueSize]), or spans were dropped that no flush has reported. If it returns 0 and false,
// ForceFlush has nothing to do. It returns at once.
func (s *SDK) Pending() (n int, flushNow bool) {
	if s.pipeline == nil {
		return 0, false
	}
	return s.pipeline.queue.Pending()
}

// Counts returns the delivery counts of each signal, in a fixed order.
func (s *SDK) Counts() []counts.Signal {
	if s.pipeline == nil {
		return []counts.Signal{{Name: "traces"}}
	}
	st := s.Stats()
	traces := counts.Signal{
		Name: "traces", Ended: st.Ended, Exported: st.Exported, Pending: st.Pending, Dropped: st.Dropped.Total(), Spilled: st.Spilled,
		Breaker: st.Breaker.String(),
	}
	for _, reason := range st.Dropped.reasons() {
		if traces.Reasons == nil {
			traces.Reasons = make(map[string]int64)
		}
		traces.Reasons[reason.Name] = reason.Count
	}
	return []counts.Signal{traces}
}

// Stats returns the counts of all sampled spans so far.
func (s *SDK) Stats() Stats {
	if s.pipeline == nil {
		return Stats{}
	}
	return publicStats(s.pipeline.queue.Stats())
}

// LogValue returns Stats for slog.
func (s *SDK) LogValue() slog.Value { return s.Stats().LogValue() }
