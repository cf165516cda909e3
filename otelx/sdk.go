package otelx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/epilogue-go/epilogue/otelx/internal/otlp"
)

// SDK is tracing set up. Its methods are safe for concurrent use and never panic.
type SDK struct {
	provider  trace.TracerProvider
	processor *processor // nil if nothing is exported: then all methods do nothing
}

// New sets tracing up from opts and the environment, and makes its provider and propagator the global ones
// (otel.SetTracerProvider, otel.SetTextMapPropagator). Nothing connects and no goroutine starts, so ctx bounds nothing
// yet; its end does not end the SDK.
//
// The SDK is usable even with an error: each error joined in it names a setting, its value and what is accepted, and
// says what counts instead. New itself logs nothing; the OpenTelemetry SDK may tell otel.Handle about a bad
// OTEL_TRACES_SAMPLER or OTEL_RESOURCE_ATTRIBUTES once more.
//
// Environment: OTEL_SDK_DISABLED=true (default false) makes the API's no-op the global provider and leaves the
// propagator; whatever is not "true" or "false" is an error and means false. OTEL_BSP_SCHEDULE_DELAY (5000),
// OTEL_BSP_EXPORT_TIMEOUT (30000; 0: none), OTEL_EXPORTER_OTLP_TIMEOUT (10000; 0: none) in milliseconds,
// OTEL_EXPORTER_OTLP_COMPRESSION (none, gzip), OTEL_EXPORTER_OTLP_PROTOCOL (http/protobuf),
// OTEL_EXPORTER_OTLP_CERTIFICATE, _CLIENT_CERTIFICATE and _CLIENT_KEY (PEM files), the OTLP ones also as
// OTEL_EXPORTER_OTLP_TRACES_…, which win; the limits OTEL_ATTRIBUTE_*, OTEL_SPAN_*, OTEL_EVENT_* and OTEL_LINK_*; and
// what the options name. A bad value is an error and counts as unset.
func New(ctx context.Context, opts ...Option) (*SDK, error) { //nolint:revive // ctx: as other constructors of telemetry
	c := newConfig(os.Getenv, opts)
	env := &environment{getenv: c.getenv}
	s := &SDK{provider: noop.NewTracerProvider()}
	propagator := c.resolvePropagator(env)
	if !env.boolean("OTEL_SDK_DISABLED") {
		s.processor = c.newProcessor(env)
		s.provider = c.newProvider(env, s.processor)
	}
	otel.SetTextMapPropagator(propagator)
	otel.SetTracerProvider(s.provider)
	if err := errors.Join(append(c.errs, env.errs...)...); err != nil {
		return s, fmt.Errorf("otelx: %w", err)
	}
	return s, nil
}

func (c *config) newProvider(env *environment, p *processor) *sdktrace.TracerProvider {
	sampler := c.chosen.sampler
	if sampler == nil {
		sampler = env.sampler(c.fallback.sampler)
	}
	opts := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(c.resolveResource(env)),
		sdktrace.WithSampler(sampler),
		sdktrace.WithRawSpanLimits(env.spanLimits()),
		sdktrace.WithIDGenerator(pick(c.chosen.idGenerator, c.fallback.idGenerator)),
	}
	if p != nil {
		opts = append(opts, sdktrace.WithSpanProcessor(p))
	}
	return sdktrace.NewTracerProvider(opts...)
}

// newProcessor returns nil if nothing is to be exported.
func (c *config) newProcessor(env *environment) *processor {
	x := c.newExporter(env)
	if x == nil {
		return nil
	}
	bound, batch := c.sizes(env)
	q := newQueue(bound, batch)
	delay := env.millis(5*time.Second, "OTEL_BSP_SCHEDULE_DELAY")
	timeout := env.millis(30*time.Second, "OTEL_BSP_EXPORT_TIMEOUT")
	x, m := c.measure(env, x, bound)
	l := newLoop(q, x, delay, timeout)
	if m != nil {
		m.observe(l.stats)
	}
	return &processor{queue: q, loop: l, metrics: m, last: c.newLastResort(env, q)}
}

// newExporter returns the option's exporter, else the environment's; nil for none.
func (c *config) newExporter(env *environment) exporter {
	if c.chosen.exporter != nil {
		return foreignExporter{c.chosen.exporter}
	}
	kind := env.exporterKind()
	if c.sendsOTLP(env.getenv) {
		return c.newOTLPExporter(env)
	}
	switch kind {
	case "none":
		return nil
	case "console":
		return foreignExporter{&consoleExporter{w: os.Stdout}}
	}
	return foreignExporter{c.fallback.exporter}
}

// exporterKind reads OTEL_TRACES_EXPORTER; empty if it is unset or bad.
func (e *environment) exporterKind() string {
	return e.choice([]string{"otlp", "console", "none"}, "", "OTEL_TRACES_EXPORTER")
}

// newOTLPExporter returns an exporter with the sender that the settings want.
func (c *config) newOTLPExporter(env *environment) *otlpExporter {
	var sender otlp.Sender
	if s := c.resolveSender(env); s != nil {
		sender = foreignSender{s}
	} else {
		sender = otlp.NewHTTPSender(c.resolveOTLP(env))
	}
	x := newOTLPExporter(sender, c.requestSize(env))
	x.limits = c.resolveLimits()
	return x
}

// requestSize returns the most bytes of a request.
func (c *config) requestSize(env *environment) int {
	size := env.within(leastRequestBytes, mostRequestBytes, pick(c.fallback.requestSize, defaultRequestBytes),
		"EPILOGUE_MAX_REQUEST_SIZE")
	return capped(pick(c.chosen.requestSize, size), c.resolveLimits().RequestBytes)
}

// sizes returns the bounds of the queue and of a batch.
func (c *config) sizes(env *environment) (queue, batch int) {
	const queueKey, batchKey = "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
	queue, batch = c.chosen.queueSize, c.chosen.batchSize
	if queue == 0 {
		queue = env.integer(1, pick(c.fallback.queueSize, sdktrace.DefaultMaxQueueSize), queueKey)
	}
	standard := min(pick(c.fallback.batchSize, sdktrace.DefaultMaxExportBatchSize), queue)
	if batch == 0 {
		batch = env.integer(1, standard, batchKey)
	}
	if batch > queue {
		env.errs = append(env.errs, fmt.Errorf("%s=%d: more than the queue's %d spans (%s); %d is used",
			batchKey, batch, queue, queueKey, queue))
		batch = queue
	}
	if c.sendsOTLP(env.getenv) {
		batch = capped(batch, c.resolveLimits().RequestSpans)
	}
	return queue, batch
}

// TracerProvider returns the provider that New has made the global one: the API's no-op if OTEL_SDK_DISABLED is true.
// Shut it down through [SDK.Shutdown].
func (s *SDK) TracerProvider() trace.TracerProvider { return s.provider }

// ForceFlush exports all sampled spans that ended before the call. It returns nil only if every one of them was
// delivered.
//
// Callers at the same time share one export, and each waits under its own ctx. When ctx ends, ForceFlush returns its
// error at once; the export goes on only while another caller waits, so nothing is on the wire when the last one has
// returned. What could not be delivered stays and goes first next time. A ctx without a deadline has
// OTEL_BSP_EXPORT_TIMEOUT.
//
// Attempts that fail are repeated after pauses from 20 ms up to a second, until none has succeeded for half a second, or
// for a quarter of the time that ctx had at the beginning if that is more: 7.5 s of 30. A pause that the backend asks
// for (Retry-After, up to 5 minutes) is kept; if it is longer than ctx has, ForceFlush returns at once, and until then no
// flush but Shutdown's sends anything. A request to a backend that has answered before waits no longer than a second,
// four times its longest answer or that quarter, whichever is most; one to a backend that never has, as long as ctx.
//
// While the backend is down, as two flushes in vain have shown, ForceFlush returns an error at once, without a request;
// after a pause from 100 ms up to a minute it tries a single request first. The package comment has the details.
//
// If spans were dropped since the last flush that could tell, the error has a [*DropError] with the counts.
func (s *SDK) ForceFlush(ctx context.Context) error {
	if s.processor == nil {
		return nil
	}
	return s.processor.ForceFlush(ctx)
}

// Shutdown does what ForceFlush does, and then closes the exporter. It tries whatever is known of the backend, a
// Retry-After notwithstanding, and goes on trying while its ctx has time. An export that is under way for a ForceFlush
// goes on for as long as Shutdown waits, and none of its requests is cut off before; one that has no answer for half of
// its time is made once more beside the first. Spans that end after the call are counted as dropped. Any number of
// callers share it, each under its own ctx; the exporter is closed when the last of them has done flushing. What was not
// delivered then stays pending for good, and every later Shutdown or ForceFlush says so again.
//
// Give ctx a deadline: without one, a backend that is down holds Shutdown for OTEL_BSP_EXPORT_TIMEOUT.
func (s *SDK) Shutdown(ctx context.Context) error {
	if s.processor == nil {
		return nil
	}
	return s.processor.Shutdown(ctx)
}

// Hasten says that the process is about to end, and that there is no time after until. It returns at once, and Shutdown
// or a last ForceFlush is to follow. If the process lives on all the same, everything is as before then. Meanwhile spans
// are accepted as before, a batch of them leaves as soon as it is full, and each export, one under way too, is made as
// Shutdown makes it: whatever is known of the backend, to the end, with a second request beside one that hangs. One that
// is under way goes on until then, even where its ForceFlush is given up: the next joins it.
func (s *SDK) Hasten(until time.Time) {
	if s.processor != nil {
		s.processor.loop.hasten(until)
	}
}

// WriteOut writes what is pending to the last resort, until ctx ends (without a deadline: for a second), and returns how
// many spans it has written; 0 without [WithLastResort]. It is for a process that is about to end without Shutdown, after
// a ForceFlush in vain. The spans stay pending; no later WriteOut or Shutdown writes one again.
func (s *SDK) WriteOut(ctx context.Context) int {
	if s.processor == nil {
		return 0
	}
	return s.processor.last.writeOut(ctx, s.processor.loop)
}

// EndOpen ends the sampled spans that are open: the one with span id root and all below it, or all if root is zero.
// Each gets the status Error with reason (unless its status is already Ok) and the same end time. It returns how many
// it has ended.
//
// As many spans are known as the queue holds (OTEL_BSP_MAX_QUEUE_SIZE); one that starts beyond that is not ended here,
// unless it finds one of more than 15 minutes to take the place of, which then is not. A span whose parent in between
// has ended already counts as below root if root is the only entry into its trace in this process.
func (s *SDK) EndOpen(root [8]byte, reason string) int {
	if s.processor == nil {
		return 0
	}
	return endOpen(s.processor.queue.openSpans(), root, "", reason)
}

// EndOpenAs is [SDK.EndOpen], and says what kind of error it was: each span gets the attribute error.type, but for one
// that has it, and one that has as many attributes as OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT lets it have. The errorType is
// one of few, such as "timeout" (OpenTelemetry semantic conventions, error.type).
func (s *SDK) EndOpenAs(root [8]byte, errorType, reason string) int {
	if s.processor == nil {
		return 0
	}
	return endOpen(s.processor.queue.openSpans(), root, errorType, reason)
}

// ExportOpen exports provisional copies of the sampled spans that are open: the one with span id root, all below it and
// all above it, or all if root is zero. It is for a process that may be gone before it can end them. It returns how many
// copies a backend has accepted.
//
// The spans go on. A copy ends at this moment and has the status Error with reason (unless the status is Ok), the
// attribute error.type (unless the span has it; empty: none), and epilogue.provisional=true. The span's own end, if it
// comes after all, is exported under the same span id: what a backend makes of the two is the backend's. Some keep
// both, others the first or the last.
//
// Copies go straight to the exporter, in at most three attempts each and within ctx (at most OTEL_BSP_EXPORT_TIMEOUT),
// beside an export that may be under way; a foreign exporter's ExportSpans waits its turn. They are not in the queue and
// not in the account but for Stats.Provisional: what can not be delivered is given up, and the error says why. Like
// Shutdown it tries whatever is known of the backend, and heeds a Retry-After only where its ctx has time for that. After
// Shutdown nothing is sent.
func (s *SDK) ExportOpen(ctx context.Context, root [8]byte, errorType, reason string) (int, error) {
	if s.processor == nil {
		return 0, nil
	}
	n, err := s.processor.loop.sendCopies(ctx, copyOpen(s.processor.queue.openSpans(), root, errorType, reason))
	s.processor.queue.countCopies(n)
	if err != nil {
		return n, fmt.Errorf("export open spans: %w", err)
	}
	return n, nil
}

// SetIntervalFlush switches the export by timer on, as it is after New, or off, as it must be where the process may be
// frozen. An export under way goes on, but with the interval off it belongs to the next caller of ForceFlush: it ends
// with that call.
func (s *SDK) SetIntervalFlush(on bool) {
	if s.processor != nil {
		s.processor.loop.setInterval(on)
	}
}

// Stats returns the account of all sampled spans so far.
func (s *SDK) Stats() Stats {
	if s.processor == nil {
		return Stats{}
	}
	return s.processor.loop.stats()
}

// LogValue renders Stats for slog.
func (s *SDK) LogValue() slog.Value { return s.Stats().LogValue() }
