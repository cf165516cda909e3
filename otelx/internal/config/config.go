// Package config turns options and environment variables into one resolved value, which otelx.New wires.
//
//	default  <  preset (Fallback)  <  environment  <  option
//
// Options write [Settings], those inside [Fallback] another one. A resolver combines both with the environment: it takes the first
// of option, environment, preset and default, and clamps the result. A variable that loses is not read, so it cannot be an error.
package config

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/url"
	"slices"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/retired"
	"github.com/epilogue-go/epilogue/otelx/internal/sdkmetrics"
)

const (
	disabledKey   = "OTEL_SDK_DISABLED"
	spillKey      = "EPILOGUE_SPILL"
	spillBytesKey = "EPILOGUE_SPILL_MAX_BYTES"
)

// Config is the resolved configuration.
type Config struct {
	Propagator propagation.TextMapPropagator
	// Disabled is OTEL_SDK_DISABLED. The fields below are then zero.
	Disabled    bool
	Resource    *resource.Resource
	Sampler     sdktrace.Sampler
	SpanLimits  sdktrace.SpanLimits
	IDGenerator sdktrace.IDGenerator // nil: the SDK's
	Traces      *Export              // nil: nothing is exported
	// Errs are the bad settings. Each counts as unset.
	Errs []error
}

// Export is how one signal is exported.
type Export struct {
	Destination

	QueueSize    int // items
	BatchSize    int // items in a request
	RequestBytes int
	Limits       Limits
	Delay        time.Duration // from the first item in an empty queue to its export in the background
	Timeout      time.Duration // of a batch, and of a flush without a deadline; 0: none

	Spill       io.Writer // nil: none
	SpillBytes  int
	NewRecorder func(sdkmetrics.Subject) (sdkmetrics.Recorder, error) // nil: no metrics
}

// Destination is where a signal goes: exactly one field is set.
type Destination struct {
	Exporter sdktrace.SpanExporter // of the program, or of standard output
	Sender   delivery.Sender       // of a backend
	OTLP     *OTLP
}

// OTLP is an endpoint for one signal over HTTP.
type OTLP struct {
	HTTP

	URL          *url.URL
	Headers      map[string]string
	Timeout      time.Duration // of an attempt; 0: none
	Gzip         bool
	Authorities  *x509.CertPool // nil: the system's
	Certificates []tls.Certificate
}

// Resolve applies opts and reads the environment, by osGetenv unless an option says otherwise.
func Resolve(osGetenv func(string) string, opts []Option) *Config {
	b := build(osGetenv, opts)
	r := b.resolver(otelenv.New(b.getenv))
	c := &Config{Propagator: r.propagator()}
	if c.Disabled = r.env.Bool(disabledKey); !c.Disabled {
		c.Resource = r.resource()
		c.Traces = r.traces()
		c.Sampler = r.sampler()
		c.SpanLimits = r.spanLimits()
		if c.IDGenerator = r.options.IDGenerator; c.IDGenerator == nil {
			c.IDGenerator = r.preset.IDGenerator
		}
	}
	for _, err := range retired.Check(retired.OTelX, b.getenv) {
		r.env.Fail(err)
	}
	c.Errs = slices.Concat(b.errs, r.env.Errs())
	return c
}

// resolver combines options, environment, preset and defaults.
type resolver struct {
	options, preset *Settings
	propagators     []namedPropagator
	env             *otelenv.Reader
}

func (b *builder) resolver(env *otelenv.Reader) *resolver {
	return &resolver{options: &b.options, preset: &b.preset, propagators: b.propagators, env: env}
}

// number returns the first of option, variable, preset and standard, which are 0 if unset.
func (r *resolver) number(option int, key string, least, most, preset, standard int) int {
	if option != 0 {
		return option
	}
	return r.env.Int(least, most, first(preset, standard), key)
}
