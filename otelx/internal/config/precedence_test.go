package config

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// setting is a setting with the four places that it can come from.
type setting struct {
	with     func(value string) Option
	key      string
	get      func(*Config) string
	option   string
	variable string
	preset   string
	standard string
}

func number(set func(*Settings, int)) func(string) Option {
	return func(value string) Option {
		var n int
		_, _ = fmt.Sscan(value, &n)
		return SetIf(true, func(s *Settings) { set(s, n) })
	}
}

// named is a propagator, or a sampler, of a name.
type named struct {
	sdktrace.Sampler
	propagation.TextMapPropagator
	name string
}

func (n named) Description() string { return n.name }
func (n named) Fields() []string    { return []string{n.name} }

var settings = map[string]setting{
	"queue": {
		number(func(s *Settings, n int) { s.QueueSize = n }), "OTEL_BSP_MAX_QUEUE_SIZE",
		func(c *Config) string { return strconv.Itoa(c.QueueSize) }, "4000", "3000", "1000", "2048",
	},
	"batch": {
		number(func(s *Settings, n int) { s.BatchSize = n }), "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
		func(c *Config) string { return strconv.Itoa(c.BatchSize) }, "400", "300", "100", "512",
	},
	"request": {
		number(func(s *Settings, n int) { s.RequestBytes = n }), "EPILOGUE_MAX_REQUEST_SIZE",
		func(c *Config) string { return strconv.Itoa(c.RequestBytes) }, "40000", "30000", "20000", "4194304",
	},
	"endpoint": {
		func(v string) Option { return SetIf(true, func(s *Settings) { s.URL = v }) }, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		func(c *Config) string { return c.Endpoint.URL.String() }, "http://o", "http://v", "http://p", "http://localhost:4318/v1/traces",
	},
	"headers": {
		func(v string) Option {
			return SetIf(true, func(s *Settings) { s.Endpoint.Headers = map[string]string{v[:1]: v[2:]} })
		}, "OTEL_EXPORTER_OTLP_HEADERS",
		func(c *Config) string {
			var pairs []string
			for name, value := range c.Endpoint.Headers {
				pairs = append(pairs, name+"="+value)
			}
			return strings.Join(pairs, ",")
		}, "o=1", "v=2", "p=3", "",
	},
	"sampler": {
		func(v string) Option { return SetIf(true, func(s *Settings) { s.Sampler = named{name: v} }) }, "OTEL_TRACES_SAMPLER",
		func(c *Config) string {
			if d := c.Sampler.Description(); len(d) < 20 {
				return d
			}
			return "standard"
		}, "o", "always_off", "p", "standard",
	},
	"propagator": {
		func(v string) Option { return SetIf(true, func(s *Settings) { s.Propagator = named{name: v} }) }, "OTEL_PROPAGATORS",
		func(c *Config) string { return strings.Join(slices.Sorted(slices.Values(c.Propagator.Fields())), " ") },
		"o", "baggage", "p", "baggage traceparent tracestate",
	},
	"resource": {
		func(v string) Option {
			return SetIf(true, func(s *Settings) { s.Resource = resource.NewSchemaless(attribute.String("service.name", v)) })
		}, "OTEL_SERVICE_NAME",
		func(c *Config) string {
			name, _ := c.Resource.Set().Value("service.name")
			if len(name.AsString()) > 1 {
				return "standard"
			}
			return name.AsString()
		}, "o", "v", "p", "standard",
	},
	"spill": {
		func(v string) Option { return SetIf(true, func(s *Settings) { s.Spill = bytes.NewBufferString(v) }) }, "EPILOGUE_SPILL",
		func(c *Config) string {
			switch w := c.Spill.(type) {
			case nil:
				return "none"
			case *bytes.Buffer:
				return w.String()
			case *os.File:
				return "stderr"
			}
			return "?"
		}, "o", "stderr", "p", "none",
	},
}

// Each setting is the first of option, environment, preset and default.
func TestPrecedence(t *testing.T) {
	described := map[string]string{"always_off": "AlwaysOffSampler"} // by variable
	for name, s := range settings {
		for places := range 8 {
			var opts []Option
			vars := map[string]string{}
			want := s.standard
			if places&1 != 0 {
				opts, want = append(opts, Fallback(s.with(s.preset))), s.preset
			}
			if places&2 != 0 {
				vars[s.key], want = s.variable, s.variable
				if d := described[want]; d != "" {
					want = d
				}
			}
			if places&4 != 0 {
				opts, want = append([]Option{s.with(s.option)}, opts...), s.option
			}
			c := Resolve(func(key string) string { return vars[key] }, opts)
			if got := s.get(c); got != want || len(c.Errs) > 0 {
				t.Errorf("%s, preset %t, variable %t, option %t: %q, %v; want %q", name, places&1 != 0, places&2 != 0, places&4 != 0, got, c.Errs, want)
			}
		}
	}
}

// A variable that an option replaces is not read, so that it cannot be an error.
func TestReplacedVariableIsNoError(t *testing.T) {
	for _, name := range []string{"queue", "batch", "request", "sampler", "propagator"} {
		s := settings[name]
		getenv := func(key string) string {
			if key == s.key {
				return "?"
			}
			return ""
		}
		if c := Resolve(getenv, []Option{s.with(s.option)}); len(c.Errs) > 0 {
			t.Errorf("%s: %v", name, c.Errs)
		}
		if c := Resolve(getenv, nil); len(c.Errs) != 1 {
			t.Errorf("%s without the option: %v, want one error", name, c.Errs)
		}
	}
}
