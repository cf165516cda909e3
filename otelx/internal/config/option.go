package config

import (
	"net/url"

	"go.opentelemetry.io/otel/propagation"

	"github.com/epilogue-go/epilogue/internal/otelenv"
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
		if p != nil {
			b.propagators = append(b.propagators, namedPropagator{name, p})
		}
	})
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

type namedPropagator struct {
	name       string
	propagator propagation.TextMapPropagator
}

// build applies opts twice: once to find Getenv, wherever it stands, once for real.
func build(osGetenv func(string) string, opts []Option) *builder {
	all := Options(opts...)
	probe := &builder{}
	probe.applyTo(&probe.options, all)
	b := &builder{getenv: probe.foundGetenv}
	if b.getenv == nil {
		b.getenv = osGetenv
	}
	b.applyTo(&b.options, all)
	b.applyDeferred()
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
func (b *builder) applyDeferred() {
	r := b.resolver(otelenv.New(b.getenv)) // its errors are reported where the values are used
	if len(b.deferred) == 0 || r.env.Bool(disabledKey) || r.options.Sender != nil || r.exporterKind() != otlpExporter {
		return
	}
	endpoint := r.endpoint(otelenv.Traces, &r.options.Traces)
	if endpoint == nil {
		endpoint = r.presetEndpoint(&r.preset.Traces)
	}
	for i := 0; i < len(b.deferred); i++ { // including those that the loop appends
		d := b.deferred[i]
		b.applyTo(d.target, Options(d.choose(endpoint)))
	}
}
