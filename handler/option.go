package handler

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// Option changes a setting of [Wrap]. No option has an environment variable. A nil Option is ignored.
type Option func(*config)

// config is the result of the options. It does not change after Wrap.
type config struct {
	tracker        Tracker
	tracerProvider func() trace.TracerProvider
	meterProvider  metric.MeterProvider
	propagator     func() propagation.TextMapPropagator
	codec          codec
	process        Process
	noInitSpan     bool
	events         trigger.Settings
	rawEvent       bool
	xrayParent     XRayParent
	messageParent  bool
	carrier        func(event any) propagation.TextMapCarrier // nil if there is none
}

func newConfig(opts []Option) config {
	c := config{
		tracker:        noTracker{},
		tracerProvider: otel.GetTracerProvider,
		meterProvider:  otel.GetMeterProvider(),
		propagator:     otel.GetTextMapPropagator,
	}
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	if c.process.Getenv == nil {
		c.process.Getenv = os.Getenv
	}
	return c
}

// WithTracker sets the Tracker that gets the beginning and the end of each invocation: the *agent.Agent that
// agent.Start returned. Default, also for nil: none, and the TracerProvider's processors export by themselves.
func WithTracker(t Tracker) Option {
	return func(c *config) {
		if t != nil {
			c.tracker = t
		}
	}
}

// WithTracerProvider sets the provider of the invocation's spans. Default, also for nil: OpenTelemetry's global
// provider, read at each invocation.
func WithTracerProvider(tp trace.TracerProvider) Option {
	return func(c *config) {
		if tp != nil {
			c.tracerProvider = func() trace.TracerProvider { return tp }
		}
	}
}

// WithMeterProvider sets the provider of the function's own metrics: faas.invocations, faas.errors, faas.timeouts,
// faas.coldstarts, faas.invoke_duration, faas.init_duration and faas.mem_usage, with faas.trigger; see
// docs/observability.md. Default, also for nil: OpenTelemetry's global provider, also one that is set after Wrap.
func WithMeterProvider(mp metric.MeterProvider) Option {
	return func(c *config) {
		if mp != nil {
			c.meterProvider = mp
		}
	}
}

// WithPropagator sets the propagator that reads span contexts from the headers of requests and messages. Default, also
// for nil: OpenTelemetry's global propagator, read at each invocation.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return func(c *config) {
		if p != nil {
			c.propagator = func() propagation.TextMapPropagator { return p }
		}
	}
}

// WithLambdaOptions takes the options that the program also gives to lambda.StartWithOptions. Wrap encodes results
// itself, so lambda.WithSetEscapeHTML and lambda.WithSetIndent affect an instrumented handler only here. With
// [WithRawEvent] it decodes events too, and needs lambda.WithUseNumber and lambda.WithDisallowUnknownFields as well. It
// ignores all other options, which work in StartWithOptions only. Give the same list to both:
//
//	opts := []lambda.Option{lambda.WithSetIndent("", "  "), lambda.WithUseNumber(true)}
//	lambda.StartWithOptions(handler.Wrap(handle, handler.WithLambdaOptions(opts...)), opts...)
//
// Default: none. If it is given twice, the later list counts.
func WithLambdaOptions(opts ...lambda.Option) Option {
	return func(c *config) { c.codec = codecOf(opts) }
}

// XRayParent says what an X-Ray trace header without Sampled=1 means for the parent of the invocation's span; see
// docs/propagation.md. A header with Sampled=1 always names the parent, unless the request or a message gives another
// one.
type XRayParent uint8

const (
	// XRayParentIfSampled makes the span that the header names a link, and the sampler decides. This is the default.
	XRayParentIfSampled XRayParent = iota

	// XRayParentAlways makes it the parent, as if the header said Sampled=1. It is for functions in PassThrough mode
	// whose logs or neighbors know the trace by X-Ray's id. The parent is a span that may never be recorded.
	XRayParentAlways

	// XRayParentWithDecision makes it the parent with X-Ray's decision, which a parent-based sampler follows. A header
	// without a decision stays a link. It is for functions in Active mode; in PassThrough mode it drops every trace.
	XRayParentWithDecision
)

// WithXRayParent sets the rule for X-Ray trace headers that do not say Sampled=1. Default, also for an unknown mode:
// [XRayParentIfSampled].
func WithXRayParent(mode XRayParent) Option {
	return func(c *config) { c.xrayParent = mode }
}

// WithMessageParent makes the span context of a message the parent of the invocation's span if the event is a batch of
// one, together with its baggage. The link to it stays. A message whose X-Ray header (such as AWSTraceHeader of SQS)
// does not say Sampled=1 follows [WithXRayParent].
//
// Default: links only, and the parent is Lambda's own span if X-Ray records that. It is for queues that deliver one
// message at a time, so that a trace continues through the queue.
func WithMessageParent() Option {
	return func(c *config) { c.messageParent = true }
}

// WithCarrier reads the span context of the caller, and its baggage, from the function's own event: the propagator
// extracts them from the carrier that the function returns, for example a propagation.MapCarrier with "traceparent".
// The function gets the event as the handler gets it: a value of the handler's event type, nil if it takes no event,
// and a []byte with the payload for a lambda.Handler. It must not change or keep it.
//
// A span context in the carrier is the parent, before every other one; messages still become links. If the function
// returns nil or the carrier has no span context, everything is as without the option. If it panics too. Default, also
// for nil: none. It replaces otellambda.WithEventToCarrier.
func WithCarrier(carrier func(event any) propagation.TextMapCarrier) Option {
	return func(c *config) {
		if carrier != nil {
			c.carrier = carrier
		}
	}
}
