package config

import (
	"net/url"
	"slices"

	"go.opentelemetry.io/otel/propagation"

	"github.com/epilogue-go/epilogue/internal/delivery"
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

// MetricsOption configures the metrics of otelx.WithMetrics.
type MetricsOption interface{ applyMetrics(*builder) }

// LogsOption configures the logs of otelx.WithLogs.
type LogsOption interface{ applyLogs(*builder) }

// ExportOption configures the export of one signal.
type ExportOption interface {
	Option
	MetricsOption
	LogsOption
}

type exportOption struct {
	shared bool          // as an Option of New it is for all signals, not for traces alone
	change func(*Export) // nil: none
	err    error         // of the option's arguments
}

func (o *exportOption) apply(b *builder) {
	if o.shared {
		o.applyTo(b, &b.target.Common)
	} else {
		o.applyTo(b, &b.target.Traces.Export)
	}
}

func (o *exportOption) applyMetrics(b *builder) { o.applyTo(b, &b.target.Metrics.Export) }
func (o *exportOption) applyLogs(b *builder)    { o.applyTo(b, &b.target.Logs.Export) }

func (o *exportOption) applyTo(b *builder, x *Export) {
	if o.err != nil {
		b.errs = append(b.errs, o.err)
	} else if o.change != nil {
		o.change(x)
	}
}

// SetExportIf returns an option that changes the export of its signal if ok is true: of traces, if it is an option of New.
func SetExportIf(ok bool, change func(*Export)) ExportOption {
	return exportIf(ok, &exportOption{change: change})
}

// SetSharedIf returns an option that changes the export of its signal if ok is true: of all signals, if it is an option of New.
// The settings of a signal win.
func SetSharedIf(ok bool, change func(*Export)) ExportOption {
	return exportIf(ok, &exportOption{shared: true, change: change})
}

func exportIf(ok bool, o *exportOption) ExportOption {
	if !ok {
		return &exportOption{}
	}
	return o
}

// InvalidExport adds err to the errors of New, as [Invalid] does.
func InvalidExport(err error) ExportOption { return &exportOption{err: err} }

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

// FromEndpoint defers the choice of an option to New, which calls choose with the endpoint for a signal from options and
// environment; nil if there is no valid one. A nil option is skipped. Other options apply after all options of New, with the rank
// ([Fallback] or not) of FromEndpoint itself. choose must have no side effects and must not change the URL, which may hold
// credentials.
//
// New does not call choose if no endpoint is used: the signal does not go by OTLP, or an option outside Fallback sets a sender.
func FromEndpoint(s otelenv.Signal, choose func(endpoint *url.URL) Option) Option {
	return option(func(b *builder) {
		if b.getenv != nil {
			b.deferred = append(b.deferred, deferred{s, choose, b.target})
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

// ForTraces returns an option that changes the export of traces alone.
func ForTraces(change func(*Export)) Option { return ForSignal(otelenv.Traces, change) }

// ForSignal returns an option that changes the export of one signal alone.
func ForSignal(signal otelenv.Signal, change func(*Export)) Option {
	return SetIf(true, func(s *Settings) { change(s.export(signal)) })
}

// WithSender makes s deliver encoded requests of spans instead of OTLP over HTTP, whose settings then have no effect.
//
// Inside [Fallback] it counts only if neither an option nor the environment names an endpoint. An exporter of the program wins over
// it. OTEL_TRACES_EXPORTER=console or none wins only over a WithSender inside Fallback.
func WithSender(s delivery.Sender) Option {
	return ForTraces(func(x *Export) { x.Sender = s })
}

// WithLimits keeps requests of spans within l. Each field is a setting of its own; a zero field changes nothing.
func WithLimits(l Limits) Option {
	return ForTraces(func(x *Export) { x.Limits = l.Or(x.Limits) })
}

// builder applies options.
type builder struct {
	getenv         func(string) string // nil while build only looks for Getenv
	foundGetenv    func(string) string
	options        Settings  // by options
	preset         Settings  // by options inside Fallback
	target         *Settings // which of the two an option writes
	propagators    []namedPropagator
	deferred       []deferred
	resolveLogs    func(*resolver, *Logs)   // nil: logs are off
	resolveMetrics func(*resolver, *Config) // nil: metrics are off
	errs           []error
}

// deferred is an option that depends on the endpoint of a signal.
type deferred struct {
	signal otelenv.Signal
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

// applyDeferred applies the options that depend on the endpoint of a signal, when all others are known.
func (b *builder) applyDeferred(s otelenv.Signal, endpoint *url.URL) {
	for i := 0; i < len(b.deferred); i++ { // including those that the loop appends
		if d := b.deferred[i]; d.signal == s {
			b.applyTo(d.target, Options(d.choose(endpoint)))
		}
	}
}
