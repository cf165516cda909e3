package otelx

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// config holds what options write. Each setting is then the first of: option, environment, fallback, built-in default.
type config struct {
	getenv      func(string) string // nil while newConfig only looks for WithGetenv
	foundGetenv func(string) string
	propagators []namedPropagator
	chosen      settings  // by options
	fallback    settings  // by options inside Fallback
	target      *settings // which of the two an option writes
	deferred    []deferred
	errs        []error
}

// settings has a zero field for each setting without a value.
type settings struct {
	resource    *resource.Resource
	exporter    sdktrace.SpanExporter
	sampler     sdktrace.Sampler
	propagator  propagation.TextMapPropagator
	idGenerator sdktrace.IDGenerator
	measurer    func(c *config, d destination, queueSize int) (measurer, error)
	sign        func(context.Context, *http.Request, []byte) error
	classify    func(status int, message string) (hint string, retry bool)
	dial        func(ctx context.Context, network, address string) (net.Conn, error)
	sender      Sender
	limits      Limits
	endpoint    string
	headers     map[string]string
	queueSize   int
	batchSize   int
	requestSize int
	spill       io.Writer
}

type namedPropagator struct {
	name string
	p    propagation.TextMapPropagator
}

// newConfig applies opts twice: once to find WithGetenv, wherever it stands, once for real.
func newConfig(osGetenv func(string) string, opts []Option) *config {
	probe := &config{}
	probe.target = &probe.chosen
	Options(opts...).apply(probe)
	c := &config{getenv: probe.foundGetenv}
	if c.getenv == nil {
		c.getenv = osGetenv
	}
	c.target = &c.chosen
	Options(opts...).apply(c)
	c.applyDeferred()
	return c
}

func set[T any](dst *T, v T, ok bool) {
	if ok {
		*dst = v
	}
}

func (c *config) setPositive(dst *int, name string, v int) {
	if v < 1 {
		c.errs = append(c.errs, fmt.Errorf("%s(%d): give a number of spans, 1 or more", name, v))
		return
	}
	*dst = v
}

// pick returns the first value that is not zero.
func pick[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}
