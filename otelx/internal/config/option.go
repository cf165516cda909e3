package config

import (
	"net/url"
	"slices"

	"go.opentelemetry.io/otel/propagation"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// Option configures otelx.New.
type Option interface{ apply(*builder) }

type option func(*builder)

func (o option) apply(b *builder) { o(b) }

// SetIf returns an option that makes change if ok is true, and no change otherwise. change writes to the settings of the options
// or, inside [Fallback], of the preset.
func SetIf(ok bool, change func(*Settings)) Option {
	return option(func(b *builder) {
		if ok {
			change(b.target)
		}
	})
}

// Invalid adds err to the errors of New. err names the setting, its value, the problem and the remedy. A nil err changes nothing.
func Invalid(err error) Option {
	return option(func(b *builder) {
		if err != nil {
			b.errs = append(b.errs, err)
		}
	})
}

// Options combines several options in order. Nil options are skipped.
func Options(opts ...Option) Option {
	return option(func(b *builder) {
		for _, o := range opts {
			if o != nil {
				o.apply(b)
			}
		}
	})
}

// Fallback gives opts the rank of a preset: the environment and options outside any Fallback win over them.
func Fallback(opts ...Option) Option {
	return option(func(b *builder) { b.applyTo(&b.preset, Options(opts...)) })
}

// Getenv makes New read environment variables with getenv.
func Getenv(getenv func(key string) string) Option {
	return option(func(b *builder) { b.foundGetenv = getenv })
}

// FromEnv defers the choice of an option to New, which calls choose with the environment that it reads. A nil option is skipped.
// choose must have no side effects.
func FromEnv(choose func(getenv func(key string) string) Option) Option {
	return option(func(b *builder) {
		if b.getenv != nil {
			Options(choose(b.getenv)).apply(b)
		}
	})
}

// FromEndpoint defers the choice of an option to New, which calls choose with the endpoint for traces from options and
// environment; nil if there is no valid one. A nil option is skipped. Other options apply after all options of New, with the rank
// ([Fallback] or not) of FromEndpoint itself. choose must have no side effects and must not change the URL, which may hold
// credentials.
//
// New does not call choose if no endpoint is used: spans do not go by OTLP, or an option outside Fallback sets a sender.
func FromEndpoint(choose func(endpoint *url.URL) Option) Option {
	return option(func(b *builder) {
		if b.getenv != nil {
			b.deferred = append(b.deferred, deferred{choose, b.target})
		}
	})
}

// NamedPropagator makes p selectable as name in OTEL_PROPAGATORS.
func NamedPropagator(name string, p propagation.TextMapPropagator) Option {
	return option(func(b *builder) {
		if p == nil {
			return
		}
		if i := b.propagatorIndex(name); i >= 0 {
			b.propagators = slices.Delete(b.propagators, i, i+1)
		}
		b.propagators = append(b.propagators, namedPropagator{name, p})
	})
}

// These options are for packages of this module that know a backend.

// WithSender makes s deliver encoded requests instead of OTLP over HTTP, whose settings then have no effect.
//
// Inside [Fallback] it counts only if neither an option nor the environment names an endpoint. An exporter of the program wins over
// it. OTEL_TRACES_EXPORTER=console or none wins only over a WithSender inside Fallback.
func WithSender(s delivery.Sender) Option {
	return SetIf(true, func(c *Settings) { c.Sender = s })
}

// WithLimits keeps requests within l. Each field is a setting of its own; a zero field changes nothing.
func WithLimits(l Limits) Option {
	return SetIf(true, func(c *Settings) { c.Limits = l.or(c.Limits) })
}

// WithErrorClassifier explains refusals that OTLP counts as final. The sender calls classify with the HTTP status and the
// backend's message, shortened and without credentials. classify returns a hint that tells the user what to do (empty: none), and
// whether another attempt may succeed after all; then the items are kept. otel.Handle gets each hint once, together with the
// message. A panic of classify has no effect. Default: none.
func WithErrorClassifier(classify func(status int, message string) (hint string, retry bool)) Option {
	return SetIf(true, func(c *Settings) { c.Endpoint.Classify = classify })
}

// builder applies options.
type builder struct {
	getenv      func(string) string // nil while build only looks for Getenv
	foundGetenv func(string) string
	options     Settings  // by options
	preset      Settings  // by options inside Fallback
	target      *Settings // which of the two an option writes
	propagators []namedPropagator
	deferred    []deferred
	errs        []error
}

// deferred is an option that depends on the endpoint.
type deferred struct {
	choose func(endpoint *url.URL) Option
	target *Settings
}

// build applies opts twice: once to find Getenv, wherever it stands, once for real.
func build(osGetenv func(string) string, opts []Option) *builder {
	all := Options(opts...)
	probe := &builder{}
	probe.applyTo(&probe.options, all)
	b := &builder{getenv: probe.foundGetenv, propagators: knownPropagators()}
	if b.getenv == nil {
		b.getenv = osGetenv
	}
	b.applyTo(&b.options, all)
	return b
}

// applyTo applies o to target.
func (b *builder) applyTo(target *Settings, o Option) {
	was := b.target
	b.target = target
	o.apply(b)
	b.target = was
}

// applyDeferred applies the options that depend on the endpoint, when all others are known.
func (b *builder) applyDeferred(endpoint *url.URL) {
	for i := 0; i < len(b.deferred); i++ { // including those that the loop appends
		d := b.deferred[i]
		b.applyTo(d.target, Options(d.choose(endpoint)))
	}
}
