package otelx

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Option configures [New]. An option beats the environment variable of the same setting, but inside [Fallback],
// where the environment beats the option. Of two options for one setting the later wins.
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// Options makes one option of several, in order. Nil options are skipped.
func Options(opts ...Option) Option {
	return optionFunc(func(c *config) {
		for _, o := range opts {
			if o != nil {
				o.apply(c)
			}
		}
	})
}

// Fallback gives opts the rank of defaults: the environment, and options outside any Fallback, beat them. It is how a
// package that knows the platform proposes settings and leaves the last word to the user.
func Fallback(opts ...Option) Option {
	return optionFunc(func(c *config) {
		was := c.target
		c.target = &c.fallback
		Options(opts...).apply(c)
		c.target = was
	})
}

// FromEnv defers the choice of an option to [New], which calls choose with the environment it reads itself (see
// [WithGetenv]). A nil option is skipped. choose must be free of side effects.
func FromEnv(choose func(getenv func(key string) string) Option) Option {
	return optionFunc(func(c *config) {
		if c.getenv != nil {
			Options(choose(c.getenv)).apply(c)
		}
	})
}

// WithGetenv makes New read environment variables through getenv; an empty result means unset. The OpenTelemetry SDK
// itself still adds the process's own OTEL_RESOURCE_ATTRIBUTES where neither getenv nor an option gives that attribute.
//
// Default: os.Getenv, also for nil.
func WithGetenv(getenv func(key string) string) Option {
	return optionFunc(func(c *config) { c.foundGetenv = getenv })
}

// WithResource adds attributes to the resource, beating OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME attribute by
// attribute. Several WithResource add up. For attributes that the environment may replace use [WithDefaultResource].
//
// Default: service.name "unknown_service:" and the executable's name, and telemetry.sdk.*.
func WithResource(r *resource.Resource) Option {
	return optionFunc(func(c *config) { c.target.resource = merge(c.target.resource, r) })
}

// WithDefaultResource is Fallback(WithResource(r)): attributes that OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME
// beat.
func WithDefaultResource(r *resource.Resource) Option { return Fallback(WithResource(r)) }

// WithExporter replaces the OTLP encoder and sender by e. Its ExportSpans is called by one goroutine at a time, with at
// most OTEL_BSP_MAX_EXPORT_BATCH_SIZE spans that it must not keep; the context ends when nobody waits for the flush any
// more, and it must respect that: while it does not return, flushes fail at once, but for Shutdown. An error keeps the
// batch for the next flush; e itself may retry, we do not. Errors within 5 ms cost nobody anything and are not taken for
// a backend that is down. A batch that fails again in two later flushes that deliver others is dropped as refused. e's
// Shutdown is called once, by the SDK's. A nil e changes nothing.
//
// Environment: OTEL_TRACES_EXPORTER: otlp (default), console (standard output, a line of OTLP JSON a span), none. Another
// value is an error and means otlp.
func WithExporter(e sdktrace.SpanExporter) Option {
	return optionFunc(func(c *config) { set(&c.target.exporter, e, e != nil) })
}

// WithSampler sets the sampler. A nil s changes nothing.
//
// Environment: OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG, default parentbased_always_on. A value that is not
// known is an error and means the default; a ratio that is none is an error and means 1.
func WithSampler(s sdktrace.Sampler) Option {
	return optionFunc(func(c *config) { set(&c.target.sampler, s, s != nil) })
}

// WithPropagator sets the propagator that New makes the global one. A nil p changes nothing.
//
// Environment: OTEL_PROPAGATORS, a list of tracecontext, baggage, b3, b3multi, none and the names given to
// [WithNamedPropagator]; default tracecontext,baggage. The specification's jaeger and ottrace are deprecated by it, and
// take that option. A name that is not known is an error and is left out; if none is known, the default counts.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return optionFunc(func(c *config) { set(&c.target.propagator, p, p != nil) })
}

// WithNamedPropagator makes p selectable as name in OTEL_PROPAGATORS. It selects nothing by itself.
func WithNamedPropagator(name string, p propagation.TextMapPropagator) Option {
	return optionFunc(func(c *config) {
		if p != nil {
			c.propagators = append(c.propagators, namedPropagator{name, p})
		}
	})
}

// WithIDGenerator sets the source of trace and span ids. A nil g changes nothing. Default: the SDK's random generator.
func WithIDGenerator(g sdktrace.IDGenerator) Option {
	return optionFunc(func(c *config) { set(&c.target.idGenerator, g, g != nil) })
}

// WithMeterProvider makes the SDK report to p how its export goes, under the OpenTelemetry semantic conventions' names for
// SDKs and some of its own; docs/observability.md lists them. A nil p changes nothing.
//
// p is called in New, at the end of each ForceFlush and of each attempt to export, never where a span starts or ends. A
// panic of p's does no harm; a call that does not return is left behind after 100 ms, and no other is made until it has
// returned. Either is reported to otel.Handle once, or by New. After Shutdown p's next collection has the final counts,
// and none after it.
//
// p is the caller's to flush and shut down. In a Lambda function give the agent both: agent.MultiFlusher(tel, p).
//
// Default: none, and no cost.
func WithMeterProvider(p metric.MeterProvider) Option {
	newMeasurer := func(c *config, x exporter, queueSize int) (measurer, error) { return newMetrics(c, p, x, queueSize) }
	return optionFunc(func(c *config) { set(&c.target.measurer, newMeasurer, p != nil) })
}

// WithSigner has every OTLP request signed by sign before it is sent, retries included; body is the request's body as
// it goes out, compressed if compression is on, and must not be changed. An error of sign fails that attempt; one that has a
// method Later() bool, which returns true, says that the next would fail too, and is not followed by another in the same
// flush. A nil sign changes nothing.
//
// It has no effect with [WithExporter].
func WithSigner(sign func(ctx context.Context, req *http.Request, body []byte) error) Option {
	return optionFunc(func(c *config) { set(&c.target.sign, sign, sign != nil) })
}

// WithHint has refusals explained that OTLP counts as final: hint gets the HTTP status and what the backend said, shortened
// and without credentials, and returns a sentence that tells the user what to do about it; empty for none. Each sentence
// is reported once, to otel.Handle, together with what the backend said. With passes, the refusal is not final after all,
// and the spans are kept for further attempts. A nil hint changes nothing. Default: none.
//
// It has no effect with [WithExporter] or [WithSender].
func WithHint(hint func(status int, message string) (todo string, passes bool)) Option {
	return optionFunc(func(c *config) { set(&c.target.hint, hint, hint != nil) })
}

// WithDialer makes the OTLP sender open its connections with dial. A nil dial changes nothing. Default: a net.Dialer.
//
// It has no effect with [WithExporter].
func WithDialer(dial func(ctx context.Context, network, address string) (net.Conn, error)) Option {
	return optionFunc(func(c *config) { set(&c.target.dial, dial, dial != nil) })
}

// WithEndpoint sets the full URL for OTLP/HTTP traces, which is used as it is.
//
// Environment: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, used as it is; else OTEL_EXPORTER_OTLP_ENDPOINT with /v1/traces
// appended. Default http://localhost:4318/v1/traces. What is not an http or https URL is an error, and the next of
// these counts.
func WithEndpoint(url string) Option {
	return optionFunc(func(c *config) { set(&c.target.endpoint, url, url != "") })
}

// WithHeaders sets headers of every OTLP request, replacing those of the environment. The map is copied; nil changes
// nothing.
//
// Environment: OTEL_EXPORTER_OTLP_TRACES_HEADERS, else OTEL_EXPORTER_OTLP_HEADERS: key1=value1,key2=value2, values
// percent-encoded. A bad entry is an error, which never shows a value, and is left out.
func WithHeaders(headers map[string]string) Option {
	return optionFunc(func(c *config) { set(&c.target.headers, maps.Clone(headers), headers != nil) })
}

// WithMaxQueueSize sets how many spans the buffer holds, those being sent included; the table of open spans has the
// same bound. Where the buffer is full the oldest are dropped for up to a thirty-second of it at once, so that so many more
// may be in memory; [SDK.Stats] never counts more as pending. Values below 1 are an error and change nothing.
//
// Environment: OTEL_BSP_MAX_QUEUE_SIZE, default 2048. What is not a positive number is an error and means the default.
func WithMaxQueueSize(spans int) Option {
	return optionFunc(func(c *config) { c.setPositive(&c.target.queueSize, "WithMaxQueueSize", spans) })
}

// WithMaxExportBatchSize sets how many spans a request has at most; its bytes are bounded by [WithMaxRequestSize]. AWS
// X-Ray takes 10,000 spans in one (AWS X-Ray Developer Guide, "Use the OTLP endpoint"). Values below 1 are an error and
// change nothing. More than the queue holds is an error and means the queue's size.
//
// Environment: OTEL_BSP_MAX_EXPORT_BATCH_SIZE, default 512. What is not a positive number is an error and means the
// default.
func WithMaxExportBatchSize(spans int) Option {
	return optionFunc(func(c *config) { c.setPositive(&c.target.batchSize, "WithMaxExportBatchSize", spans) })
}

// WithMaxRequestSize sets how many bytes an OTLP request has at most, before compression; a batch that is larger goes
// out as several requests, and a span that is larger alone is dropped as too large. AWS X-Ray takes 5 MB. Up to eight
// requests of that size are in memory at once, and more of smaller ones; one that is being encoded is there twice. Up to
// 12 MiB are kept for the next ones. Values below 16384 (16 KiB) or above 67108864
// (64 MiB) are an error and change nothing. A backend that refuses a request for its size (413) lowers the bound by
// itself.
//
// It has no effect with [WithExporter].
//
// Environment: EPILOGUE_MAX_REQUEST_SIZE, in bytes, default 4194304 (4 MiB). What is not a number in that range is an
// error and means the default.
func WithMaxRequestSize(bytes int) Option {
	return optionFunc(func(c *config) {
		if bytes < leastRequestBytes || bytes > mostRequestBytes {
			c.errs = append(c.errs, fmt.Errorf("WithMaxRequestSize(%d): give %d to %d bytes",
				bytes, leastRequestBytes, mostRequestBytes))
			return
		}
		c.target.requestSize = bytes
	})
}

// WithLastResort has Shutdown write to w what it could not deliver, as OTLP JSON: lines that each are a whole request,
// which the OpenTelemetry Collector's otlpjsonfile receiver reads and `epilogue replay` sends. It is for outages at the
// end of a process, whose log outlasts it. The lines hold all that the spans hold: whoever may read the log reads the
// attributes.
//
// Shutdown keeps a quarter of its time for the lines, at most 250 ms, and of less than 100 ms up to a half. When the
// last of its callers has done flushing, what is pending is written, the oldest first: a line of at most 200 KiB with
// each Write, at most 1 MiB in all, until that caller's ctx ends. It holds Shutdown no longer than that, whatever w
// does; a Write under way goes on. Spans too large for a line are left out. Lines are complete when Shutdown has
// returned before the end of ctx; a process that exits then loses none. A ctx without a deadline has one second for
// them; one that has ended already, nothing.
//
// What was written stays pending; Stats.WrittenOut counts it, and Shutdown's error says how much it was and what kept
// the rest. [SDK.WriteOut] does the same for a process that ends without Shutdown; the bound in all is for both. A
// span whose request is under way when ctx ends may have been taken by the backend all the same, and comes
// twice if its line is replayed, with the same ids. A nil w changes nothing.
//
// Environment: EPILOGUE_LAST_RESORT: none (default) or stderr. Another value is an error and counts as unset.
// EPILOGUE_LAST_RESORT_MAX_BYTES for all lines together, default 1048576. What is not a positive number is an error and
// means the default.
func WithLastResort(w io.Writer) Option {
	return optionFunc(func(c *config) { set(&c.target.lastResort, w, w != nil) })
}
