package otelx

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
	"github.com/epilogue-go/epilogue/otelx/internal/pipeline"
	"github.com/epilogue-go/epilogue/otelx/internal/sdkmetrics"
)

// Option configures [New]. An option wins over the environment variable of the same setting, except inside [Fallback]. Of two
// options for one setting the later one wins.
type Option = config.Option

// SignalOption configures [WithMetrics] or [WithLogs].
type SignalOption = config.SignalOption

// ExportOption configures the export of one signal. As an option of [New] it is for traces or, if its documentation says so, for
// all signals. The settings of a signal win over those for all.
type ExportOption = config.ExportOption

// Options combines several options in order. Nil options are skipped.
func Options(opts ...Option) Option { return config.Options(opts...) }

// Fallback gives opts the rank of defaults: the environment and options outside any Fallback win over them. A package that
// knows the platform proposes settings this way.
func Fallback(opts ...Option) Option { return config.Fallback(opts...) }

// WithGetenv makes New read environment variables with getenv; an empty result means unset. The OpenTelemetry SDK still adds
// attributes of the process's own OTEL_RESOURCE_ATTRIBUTES that neither getenv nor an option sets.
//
// Default: os.Getenv, also for nil.
func WithGetenv(getenv func(key string) string) Option {
	return config.Getenv(getenv)
}

// WithResource adds attributes to the resource. They replace those of OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME with
// the same keys. Several WithResource add up. The environment wins over Fallback(WithResource(r)).
//
// Default: service.name "unknown_service:" and the executable's name, and telemetry.sdk.*.
func WithResource(r *resource.Resource) Option {
	return config.SetIf(true, func(c *config.Settings) { c.Resource = config.MergeResources(c.Resource, r) })
}

// WithExporters selects the exporters of metrics or logs by the names that OTEL_METRICS_EXPORTER and OTEL_LOGS_EXPORTER have.
// An unknown name is an error and is left out. None changes nothing.
func WithExporters(names ...string) SignalOption { return config.WithExporters(names) }

// WithExporter replaces the OTLP encoder and sender by e. One goroutine at a time calls its ExportSpans, with at most
// OTEL_BSP_MAX_EXPORT_BATCH_SIZE spans, which it must not keep. The context ends when the last caller of the flush has left, and
// ExportSpans must return then; until it returns, every flush except Shutdown fails at once. An error keeps the batch for the
// next flush: e may retry by itself, the SDK does not. An error within 5 ms does not open the circuit breaker. A batch that fails
// in three flushes while others are delivered is dropped as refused. A panic is a refusal. The SDK's Shutdown calls e's Shutdown
// once. A nil e changes nothing.
//
// Environment: OTEL_TRACES_EXPORTER: otlp (default), console (standard output, one line of OTLP JSON for each span), none.
func WithExporter(e sdktrace.SpanExporter) Option {
	return config.SetIf(e != nil, func(c *config.Settings) { c.Traces.Exporter = e })
}

// WithSampler sets the sampler. A nil s changes nothing.
//
// Environment: OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG, default parentbased_always_on and 1.
func WithSampler(s sdktrace.Sampler) Option {
	return config.SetIf(s != nil, func(c *config.Settings) { c.Traces.Sampler = s })
}

// WithPropagator sets the propagator that New makes the global one. A nil p changes nothing.
//
// Environment: OTEL_PROPAGATORS, a list of tracecontext, baggage, b3, b3multi, none and the names of [WithNamedPropagator];
// default tracecontext,baggage. The specification deprecates jaeger and ottrace; they need that option. An unknown name is an
// error and is left out; if no name is known, the default counts.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return config.SetIf(p != nil, func(c *config.Settings) { c.Propagator = p })
}

// WithNamedPropagator makes p selectable as name in OTEL_PROPAGATORS. It selects nothing by itself.
func WithNamedPropagator(name string, p propagation.TextMapPropagator) Option {
	return config.NamedPropagator(name, p)
}

// WithIDGenerator sets the source of trace and span ids. A nil g changes nothing. Default: the SDK's random generator.
func WithIDGenerator(g sdktrace.IDGenerator) Option {
	return config.SetIf(g != nil, func(c *config.Settings) { c.Traces.IDGenerator = g })
}

// WithMeterProvider makes the SDK report metrics of the export to p: those of the OpenTelemetry semantic conventions for SDKs, and
// some of its own; docs/observability.md lists them. A nil p changes nothing.
//
// New calls p to make the instruments. A call that panics, or does not return within 100 ms, is an error of New; then there are no
// metrics. The end of each ForceFlush and of each attempt to export records a duration on that goroutine, so its instruments must
// not block. otel.Handle gets the first panic of an instrument. No span calls p. The next collection of p after Shutdown has the
// final counts.
//
// The caller flushes and shuts down p. In a Lambda function give the agent both: agent.MultiFlusher(tel, p).
//
// Default: none, at no cost.
func WithMeterProvider(p metric.MeterProvider) Option {
	newRecorder := func(s sdkmetrics.Subject) (sdkmetrics.Recorder, error) {
		s.IsDrop = isDropError
		return sdkmetrics.New(p, s)
	}
	return config.SetIf(p != nil, func(c *config.Settings) { c.Traces.NewRecorder = newRecorder })
}

// WithSigner makes sign sign every OTLP request before it is sent, retries included. body is the request's body as
// it is sent, after compression, and must not be changed. An error of sign fails that attempt. An error with a method
// RetryNextFlush() bool that returns true prevents another attempt in the same flush. A nil sign changes nothing.
//
// As an option of [New] it is for all signals. It has no effect with [WithExporter].
func WithSigner(sign func(ctx context.Context, req *http.Request, body []byte) error) ExportOption {
	return config.SetSharedIf(sign != nil, func(x *config.Export) { x.Sign = sign })
}

// WithDialer makes the OTLP sender open its connections with dial, without a proxy. A nil dial changes nothing. Default: a
// net.Dialer.
//
// As an option of [New] it is for all signals. It has no effect with [WithExporter].
func WithDialer(dial func(ctx context.Context, network, address string) (net.Conn, error)) ExportOption {
	open := pipeline.Dial(dial)
	return config.SetSharedIf(dial != nil, func(x *config.Export) { x.Dial = &open })
}

// WithEndpoint sets the full URL for OTLP/HTTP of one signal, which is used as it is: of traces, as an option of [New].
//
// Environment: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT (_METRICS_, _LOGS_), used as it is; otherwise OTEL_EXPORTER_OTLP_ENDPOINT with
// /v1/traces (metrics, logs) appended. Default http://localhost:4318/v1/traces. A value that is not an http or https URL is an error,
// and the next of these counts.
func WithEndpoint(url string) ExportOption {
	return config.SetExportIf(url != "", func(x *config.Export) { x.URL = url })
}

// WithHeaders sets headers of every OTLP request instead of the environment's. The map is copied; nil changes nothing. As an option
// of [New] it is for all signals.
//
// Environment: OTEL_EXPORTER_OTLP_TRACES_HEADERS (_METRICS_, _LOGS_), otherwise OTEL_EXPORTER_OTLP_HEADERS: key1=value1,key2=value2 with
// percent-encoded values. A bad entry is an error, which never shows a value, and is left out.
func WithHeaders(headers map[string]string) ExportOption {
	return config.SetSharedIf(headers != nil, func(x *config.Export) { x.Headers = maps.Clone(headers) })
}

// WithTimeout limits each attempt to send a request; 0 is no limit. A negative d is an error and changes nothing. As an option of
// [New] it is for all signals.
//
// Environment: OTEL_EXPORTER_OTLP_TRACES_TIMEOUT (_METRICS_, _LOGS_), otherwise OTEL_EXPORTER_OTLP_TIMEOUT, in milliseconds, default 10000.
func WithTimeout(d time.Duration) ExportOption {
	return duration("WithTimeout", d, config.SetSharedIf, func(x *config.Export) { x.Timeout = &d })
}

// WithCompression compresses requests: "gzip", or "none". Another value is an error and changes nothing. As an option
// of [New] it is for all signals.
//
// Environment: OTEL_EXPORTER_OTLP_TRACES_COMPRESSION (_METRICS_, _LOGS_), otherwise OTEL_EXPORTER_OTLP_COMPRESSION, default none.
func WithCompression(algorithm string) ExportOption {
	if !slices.Contains(otelenv.Compressions, algorithm) {
		return config.InvalidExport(fmt.Errorf("WithCompression(%q): give %s", algorithm, otelenv.Alternatives(otelenv.Compressions)))
	}
	return config.SetSharedIf(true, func(x *config.Export) { x.Compress = algorithm })
}

// WithCertificate sets the authorities that the backend's certificate is verified against. Nil changes nothing. As an option of
// [New] it is for all signals.
//
// Environment: OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE (_METRICS_, _LOGS_), otherwise OTEL_EXPORTER_OTLP_CERTIFICATE, a PEM file. Default: the system's
// authorities. If a file cannot be used, that is an error, and the next of these counts.
func WithCertificate(authorities *x509.CertPool) ExportOption {
	return config.SetSharedIf(authorities != nil, func(x *config.Export) { x.Authorities = authorities })
}

// WithClientCertificate sets the certificates, with their keys, that the backend may ask for. None changes nothing.
// As an option of [New] it is for all signals.
//
// Environment: OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE, otherwise OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE, and
// OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY, otherwise OTEL_EXPORTER_OTLP_CLIENT_KEY: PEM files, default none. The first certificate
// and key that fit together count; a file that cannot be used is an error.
func WithClientCertificate(certificates ...tls.Certificate) ExportOption {
	return config.SetSharedIf(len(certificates) > 0, func(x *config.Export) { x.Certificates = certificates })
}

// WithScheduleDelay sets the time from the first span in an empty queue to its export in the background; 0 exports at once. A
// negative d is an error and changes nothing. See [SDK.SetBackgroundExport].
//
// Environment: OTEL_BSP_SCHEDULE_DELAY, in milliseconds, default 5000; for logs OTEL_BLRP_SCHEDULE_DELAY, default 1000. Metrics have
// none: their data points leave when they are collected.
func WithScheduleDelay(d time.Duration) ExportOption {
	return duration("WithScheduleDelay", d, config.SetExportIf, func(x *config.Export) { x.ScheduleDelay = &d })
}

// WithExportTimeout limits the export of a batch with all its attempts, and a flush whose context has no deadline; 0 is no limit. A
// negative d is an error and changes nothing.
//
// Environment: OTEL_BSP_EXPORT_TIMEOUT, OTEL_METRIC_EXPORT_TIMEOUT or OTEL_BLRP_EXPORT_TIMEOUT, in milliseconds, default 30000.
func WithExportTimeout(d time.Duration) ExportOption {
	return duration("WithExportTimeout", d, config.SetExportIf, func(x *config.Export) { x.ExportTimeout = &d })
}

// WithSpanLimits sets the limits of a span, as sdktrace.WithRawSpanLimits does: 0 records nothing, a negative number is no limit.
// Like the SDK, its AttributeValueLengthLimit does not cut attributes of events, nor the status. Package handler cuts those that
// it records (an error's message, a stack trace) by the variables below only.
//
// Environment, each limit by itself: OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT in characters, otherwise
// OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, default none; OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT, otherwise OTEL_ATTRIBUTE_COUNT_LIMIT,
// OTEL_SPAN_EVENT_COUNT_LIMIT, OTEL_SPAN_LINK_COUNT_LIMIT, OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT and
// OTEL_LINK_ATTRIBUTE_COUNT_LIMIT, default 128.
func WithSpanLimits(limits sdktrace.SpanLimits) Option {
	return config.SetIf(true, func(c *config.Settings) { c.Traces.SpanLimits = &limits })
}

// WithDisabled makes the API's no-op the global provider if disabled is true, so that nothing is recorded. The propagator stays.
//
// Environment: OTEL_SDK_DISABLED, true or false (default).
func WithDisabled(disabled bool) Option {
	return config.SetIf(true, func(c *config.Settings) { c.Disabled = &disabled })
}

// WithMaxQueueSize sets how many items the queue of a signal holds, including those that are being sent; [WithMaxQueueBytes] bounds
// their memory. The table of open spans has the bound of the queue of spans. Values below 1 are an error and change nothing.
//
// Environment: OTEL_BSP_MAX_QUEUE_SIZE, default 2048; for logs OTEL_BLRP_MAX_QUEUE_SIZE, default 2048. Data points are bounded by
// their bytes alone.
func WithMaxQueueSize(items int) ExportOption {
	return positive("WithMaxQueueSize", items, "items", config.SetExportIf, func(x *config.Export) { x.QueueSize = items })
}

// WithMaxExportBatchSize sets how many items a request of a signal has at most; [WithMaxRequestSize] bounds its bytes. AWS X-Ray accepts
// 10,000 spans in a request (AWS X-Ray Developer Guide, "Use the OTLP endpoint"). Values below 1 are an error and change nothing.
// A value above the queue's size is an error. Then the default is used, or the queue's size if that is less.
//
// Environment: OTEL_BSP_MAX_EXPORT_BATCH_SIZE, default 512; for logs OTEL_BLRP_MAX_EXPORT_BATCH_SIZE, default 512. Metrics have 10,000
// data points.
func WithMaxExportBatchSize(items int) ExportOption {
	return positive("WithMaxExportBatchSize", items, "items", config.SetExportIf, func(x *config.Export) { x.BatchSize = items })
}

// WithMaxRequestSize sets how many bytes an OTLP request has at most before compression. A larger batch is sent as several
// requests. AWS X-Ray accepts 5 MB. Values below 16384 (16 KiB) or above 67108864 (64 MiB) are an error and change nothing.
//
// A span that is larger alone loses parts until it fits, in this order: trace states of links, the ends of the longest strings,
// events (those of exceptions last), links, and attributes; its dropped counts say how many. A log record loses the ends of the
// longest strings, then attributes. A data point is never reduced. A backend that refuses a request for its size (413) lowers the
// bound, also that of an item alone, to not less than 32 KiB.
//
// Up to eight requests of that size are in memory at once, or more of smaller ones; a request that is being encoded is in memory
// twice. Buffers serve later requests until the garbage collector frees them.
//
// As an option of [New] it is for all signals. It has no effect with [WithExporter].
//
// Environment: EPILOGUE_MAX_REQUEST_SIZE, in bytes, default 4194304 (4 MiB).
func WithMaxRequestSize(bytes int) ExportOption {
	if bytes < config.LeastRequestBytes || bytes > config.MostRequestBytes {
		return config.InvalidExport(fmt.Errorf("WithMaxRequestSize(%d): give %d to %d bytes",
			bytes, config.LeastRequestBytes, config.MostRequestBytes))
	}
	return config.SetSharedIf(true, func(x *config.Export) { x.RequestBytes = bytes })
}

// WithMaxConcurrentRequests sets how many OTLP requests are under way at once to one host and port, those of all signals together.
// Each signal always has one. A small number protects a collector, and makes a large
// flush slower.
//
// It has no effect with [WithExporter] or an X-Ray daemon, which get one batch at a time.
//
// Environment: EPILOGUE_MAX_CONCURRENT_REQUESTS, default 32.
func WithMaxConcurrentRequests(n int) Option {
	if n < 1 {
		return config.Invalid(atLeastOne("WithMaxConcurrentRequests", n, "requests"))
	}
	return config.SetIf(true, func(c *config.Settings) { c.Requests = n })
}

// WithMaxResponseSize sets how many bytes the body of a response may have. With a longer one the request has failed and is not
// repeated, as the OpenTelemetry Protocol Specification demands. At most 64 KiB of a body are in memory.
//
// Environment: EPILOGUE_MAX_RESPONSE_SIZE, in bytes, default 4194304 (4 MiB).
func WithMaxResponseSize(bytes int) ExportOption {
	return positive("WithMaxResponseSize", bytes, "bytes", config.SetSharedIf, func(x *config.Export) { x.ResponseBytes = bytes })
}

// WithMaxQueueBytes sets how many bytes of memory the items of a queue have together, those that are being sent included, by an
// estimate from their texts and the number of their attributes, events and links. A full queue drops the oldest items that wait.
// A span that alone has more bytes than the queue is reduced. As an option of [New] it is for the queue of each
// signal. Values below 1048576 (1 MiB) are an error and change nothing.
//
// Environment: EPILOGUE_MAX_QUEUE_BYTES, default 67108864 (64 MiB); awslambda.Defaults makes it a quarter of the
// function's memory for spans, a 16th for log records and a 32nd for data points.
func WithMaxQueueBytes(bytes int) ExportOption {
	if bytes < config.LeastQueueBytes {
		return config.InvalidExport(fmt.Errorf("WithMaxQueueBytes(%d): give at least %d bytes", bytes, config.LeastQueueBytes))
	}
	return config.SetSharedIf(true, func(x *config.Export) { x.QueueBytes = bytes })
}

// WithSpill makes Shutdown write undelivered items (spans, data points and log records) to w as lines of OTLP JSON. It helps if
// the backend is down at the end of the process and w outlasts the process, as the log does. Each line is a whole request:
// `epilogue replay` and the OpenTelemetry Collector's otlpjsonfile receiver read them. The lines hold all data of the items,
// including attributes. EMF lines are not spilled.
//
// Shutdown keeps a quarter of its time for the lines, at most 250 ms, and up to half of its time if that is short (100 ms).
// When the last of its callers has flushed, it writes the pending items, the oldest first: at most 200 KiB with each Write,
// at most 1 MiB in all, until that caller's ctx ends, or for one second if ctx has no deadline. It does not wait longer than
// that, even if w blocks; a Write under way continues. An item too large for a line loses parts.
//
// Spilled items leave the queue; Stats.Spilled counts them. Shutdown's error says how many items were written and why others
// were not. [SDK.SpillPending] does the same for a process that exits without Shutdown, within the same bound. A request
// without a response at that moment is spilled too, so its items may arrive twice; spans then have the same IDs. A nil w changes
// nothing.
//
// Environment: EPILOGUE_SPILL: none (default) or stderr.
func WithSpill(w io.Writer) Option {
	return config.SetIf(w != nil, func(c *config.Settings) { c.Spill = w })
}

// WithSpillMaxBytes sets how many bytes all spilled lines have at most together. Values below 1 are an error and change nothing.
//
// Environment: EPILOGUE_SPILL_MAX_BYTES, default 1048576 (1 MiB).
func WithSpillMaxBytes(bytes int) Option {
	if bytes < 1 {
		return config.Invalid(atLeastOne("WithSpillMaxBytes", bytes, "bytes"))
	}
	return config.SetIf(true, func(c *config.Settings) { c.SpillBytes = bytes })
}

// setIf is config.SetExportIf or config.SetSharedIf.
type setIf func(ok bool, change func(*config.Export)) ExportOption

// positive sets a number of units.
func positive(name string, n int, units string, set setIf, change func(*config.Export)) ExportOption {
	if n < 1 {
		return config.InvalidExport(atLeastOne(name, n, units))
	}
	return set(true, change)
}

func atLeastOne(name string, n int, units string) error {
	return fmt.Errorf("%s(%d): give a number of %s, 1 or more", name, n, units)
}

// duration sets a time that may be 0.
func duration(name string, d time.Duration, set setIf, change func(*config.Export)) ExportOption {
	if d < 0 {
		return config.InvalidExport(fmt.Errorf("%s(%s): give a duration of 0 or more", name, d))
	}
	return set(true, change)
}
