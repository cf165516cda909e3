package handler

import (
	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// Option changes what Wrap does. No option has an environment variable, and a nil Option is none.
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// config is what the options make. It is not changed after Wrap.
type config struct {
	given          Tracker
	tracerProvider func() trace.TracerProvider
	propagators    func() propagation.TextMapPropagator
	encoding       encoding
	process        Process
	noInitSpan     bool
	decoding       decoding
	events         trigger.Settings
	rawEvent       bool
	unsampled      unsampledRule
	messageParent  bool
}

func newConfig(opts []Option) config {
	c := config{
		given:          noTracker{},
		tracerProvider: otel.GetTracerProvider,
		propagators:    otel.GetTextMapPropagator,
	}
	for _, o := range opts {
		if o != nil {
			o.apply(&c)
		}
	}
	return c
}

// WithTracker sets who is told of each invocation's begin and end: the *agent.Agent that agent.Start returned.
// Default, also for nil: nobody, and spans leave when the TracerProvider's processors see fit.
func WithTracker(t Tracker) Option {
	return optionFunc(func(c *config) {
		if t != nil {
			c.given = t
		}
	})
}

// WithTracerProvider sets where the invocation's spans come from. Default, also for nil: OpenTelemetry's global
// provider, looked up at each invocation.
func WithTracerProvider(tp trace.TracerProvider) Option {
	return optionFunc(func(c *config) {
		if tp != nil {
			c.tracerProvider = func() trace.TracerProvider { return tp }
		}
	})
}

// WithPropagators sets what reads span contexts from the headers of requests and messages. Default, also for nil: OpenTelemetry's
// global propagator, looked up at each invocation.
func WithPropagators(p propagation.TextMapPropagator) Option {
	return optionFunc(func(c *config) {
		if p != nil {
			c.propagators = func() propagation.TextMapPropagator { return p }
		}
	})
}

// WithLambdaOptions takes the options that the program also gives to lambda.StartWithOptions. Wrap encodes results
// itself, so lambda.WithSetEscapeHTML and lambda.WithSetIndent have an effect on an instrumented handler only here. With
// [WithRawEvent] it decodes events too, and lambda.WithUseNumber and lambda.WithDisallowUnknownFields are needed here as well. All
// other options have theirs only in StartWithOptions and are ignored here. Giving the same list to both is right:
//
//	opts := []lambda.Option{lambda.WithSetIndent("", "  "), lambda.WithUseNumber(true)}
//	lambda.StartWithOptions(handler.Wrap(handle, handler.WithLambdaOptions(opts...)), opts...)
//
// Default: aws-lambda-go's own. Given twice, the later list counts.
func WithLambdaOptions(opts ...lambda.Option) Option {
	return optionFunc(func(c *config) { c.encoding, c.decoding = encodingOf(opts), decodingOf(opts) })
}
