package handler

import (
	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// Option changes a setting of [Wrap]. No option has an environment variable. A nil Option is ignored.
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// config is the result of the options. It does not change after Wrap.
type config struct {
	tracker        Tracker
	tracerProvider func() trace.TracerProvider
	propagator     func() propagation.TextMapPropagator
	encoding       encoding
	process        Process
	noInitSpan     bool
	decoding       decoding
	events         trigger.Settings
	rawEvent       bool
	xrayParent     XRayParent
	messageParent  bool
}

func newConfig(opts []Option) config {
	c := config{
		tracker:        noTracker{},
		tracerProvider: otel.GetTracerProvider,
		propagator:     otel.GetTextMapPropagator,
	}
	for _, o := range opts {
		if o != nil {
			o.apply(&c)
		}
	}
	return c
}

// WithTracker sets the Tracker that is told of the beginning and the end of each invocation: the *agent.Agent that
// agent.Start returned. Default, also for nil: none, and the TracerProvider's processors export by themselves.
func WithTracker(t Tracker) Option {
	return optionFunc(func(c *config) {
		if t != nil {
			c.tracker = t
		}
	})
}

// WithTracerProvider sets the provider of the invocation's spans. Default, also for nil: OpenTelemetry's global
// provider, read at each invocation.
func WithTracerProvider(tp trace.TracerProvider) Option {
	return optionFunc(func(c *config) {
		if tp != nil {
			c.tracerProvider = func() trace.TracerProvider { return tp }
		}
	})
}

// WithPropagator sets the propagator that reads span contexts from the headers of requests and messages. Default, also
// for nil: OpenTelemetry's global propagator, read at each invocation.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return optionFunc(func(c *config) {
		if p != nil {
			c.propagator = func() propagation.TextMapPropagator { return p }
		}
	})
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
	return optionFunc(func(c *config) { c.encoding, c.decoding = encodingOf(opts), decodingOf(opts) })
}
