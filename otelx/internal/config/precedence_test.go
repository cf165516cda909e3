package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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

func number(set func(*Export, int)) func(string) Option {
	return func(value string) Option {
		var n int
		_, _ = fmt.Sscan(value, &n)
		return SetExportIf(true, func(s *Export) { set(s, n) })
	}
}

func general(set func(*Settings, int)) func(string) Option {
	return func(value string) Option {
		n, _ := strconv.Atoi(value)
		return SetIf(true, func(s *Settings) { set(s, n) })
	}
}

func duration(set func(*Export, time.Duration)) func(string) Option {
	return number(func(s *Export, n int) { set(s, time.Duration(n)*time.Millisecond) })
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

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
		number(func(s *Export, n int) { s.QueueSize = n }), "OTEL_BSP_MAX_QUEUE_SIZE",
		func(c *Config) string { return strconv.Itoa(c.Traces.QueueSize) }, "4000", "3000", "1000", "2048",
	},
	"queue's bytes": {
		number(func(s *Export, n int) { s.QueueBytes = n }), "EPILOGUE_MAX_QUEUE_BYTES",
		func(c *Config) string { return strconv.Itoa(c.Traces.QueueBytes) }, "4000000", "3000000", "2000000", "67108864",
	},
	"batch": {
		number(func(s *Export, n int) { s.BatchSize = n }), "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
		func(c *Config) string { return strconv.Itoa(c.Traces.BatchSize) }, "400", "300", "100", "512",
	},
	"request": {
		number(func(s *Export, n int) { s.RequestBytes = n }), "EPILOGUE_MAX_REQUEST_SIZE",
		func(c *Config) string { return strconv.Itoa(c.Traces.RequestBytes) }, "40000", "30000", "20000", "4194304",
	},
	"response": {
		number(func(s *Export, n int) { s.ResponseBytes = n }), "EPILOGUE_MAX_RESPONSE_SIZE",
		func(c *Config) string { return strconv.Itoa(c.Traces.ResponseBytes) }, "40000", "30000", "20000", "0",
	},
	"requests": {
		general(func(s *Settings, n int) { s.Requests = n }), "EPILOGUE_MAX_CONCURRENT_REQUESTS",
		func(c *Config) string { return strconv.Itoa(c.Requests) }, "4", "3", "2", "32",
	},
	"endpoint": {
		func(v string) Option { return SetIf(true, func(s *Settings) { s.Traces.URL = v }) }, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		func(c *Config) string { return c.Traces.Endpoint.String() }, "http://o", "http://v", "http://p", "http://localhost:4318/v1/traces",
	},
	"headers": {
		func(v string) Option {
			return SetIf(true, func(s *Settings) { s.Traces.Headers = map[string]string{v[:1]: v[2:]} })
		}, "OTEL_EXPORTER_OTLP_HEADERS",
		func(c *Config) string {
			var pairs []string
			for name, value := range c.Traces.Headers {
				pairs = append(pairs, name+"="+value)
			}
			return strings.Join(pairs, ",")
		}, "o=1", "v=2", "p=3", "",
	},
	"sampler": {
		func(v string) Option { return SetIf(true, func(s *Settings) { s.Traces.Sampler = named{name: v} }) }, "OTEL_TRACES_SAMPLER",
		func(c *Config) string {
			if d := c.Traces.Sampler.Description(); len(d) < 20 {
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
	"disabled": {
		func(v string) Option { return SetIf(true, func(s *Settings) { s.Disabled = new(v == "true") }) }, "OTEL_SDK_DISABLED",
		func(c *Config) string { return strconv.FormatBool(*c.Disabled) }, "false", "true", "true", "false",
	},
	"timeout": {
		duration(func(s *Export, d time.Duration) { s.Timeout = &d }), "OTEL_EXPORTER_OTLP_TIMEOUT",
		func(c *Config) string { return millis(*c.Traces.Timeout) }, "0", "30", "10", "10000",
	},
	"schedule delay": {
		duration(func(s *Export, d time.Duration) { s.ScheduleDelay = &d }), "OTEL_BSP_SCHEDULE_DELAY",
		func(c *Config) string { return millis(*c.Traces.ScheduleDelay) }, "40", "0", "10", "5000",
	},
	"export timeout": {
		duration(func(s *Export, d time.Duration) { s.ExportTimeout = &d }), "OTEL_BSP_EXPORT_TIMEOUT",
		func(c *Config) string { return millis(*c.Traces.ExportTimeout) }, "40", "30", "0", "30000",
	},
	"compression": {
		func(v string) Option { return SetIf(true, func(s *Settings) { s.Traces.Compress = v }) }, "OTEL_EXPORTER_OTLP_COMPRESSION",
		func(c *Config) string { return c.Traces.Compress }, "none", "gzip", "gzip", "none",
	},
	"span limits": {
		general(func(s *Settings, n int) {
			s.Traces.SpanLimits = &sdktrace.SpanLimits{AttributeValueLengthLimit: n, AttributeCountLimit: n, LinkCountLimit: n}
		}), "OTEL_SPAN_LINK_COUNT_LIMIT",
		func(c *Config) string { return strconv.Itoa(c.Traces.SpanLimits.LinkCountLimit) }, "4", "0", "1", "128",
	},
	"spill bytes": {
		general(func(s *Settings, n int) { s.SpillBytes = n }), "EPILOGUE_SPILL_MAX_BYTES",
		func(c *Config) string { return strconv.Itoa(c.SpillBytes) }, "4", "3", "1", "1048576",
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
	for _, name := range []string{"queue", "batch", "request", "sampler", "propagator", "disabled", "timeout", "compression", "schedule delay", "span limits"} {
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

// Certificates of an option win over those of variables, and these over those of a preset.
func TestPrecedenceOfCertificates(t *testing.T) {
	pool := x509.NewCertPool()
	with := SetIf(true, func(s *Settings) {
		s.Traces.Authorities, s.Traces.Certificates = pool, []tls.Certificate{{OCSPStaple: []byte("mine")}}
	})
	bad := environment("OTEL_EXPORTER_OTLP_CERTIFICATE=/none", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=/none", "OTEL_EXPORTER_OTLP_CLIENT_KEY=/none")
	for name, c := range map[string]struct {
		option Option
		errs   int
	}{"option": {with, 0}, "preset": {Fallback(with), 3}} {
		r := Resolve(bad, []Option{c.option})
		if r.Traces.Authorities != pool || len(r.Traces.Certificates) != 1 || len(r.Errs) != c.errs {
			t.Errorf("%s: %+v, %v", name, r.Traces.Export, r.Errs)
		}
	}
}

// A batch larger than the queue is reported, and the default is used, or the queue's size if that is less.
func TestBatchLargerThanTheQueue(t *testing.T) {
	batch := number(func(s *Export, n int) { s.BatchSize = n })
	for _, c := range []struct {
		vars  []string
		opt   Option
		batch int
		err   string
	}{
		{[]string{"OTEL_BSP_MAX_QUEUE_SIZE=100", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=200"}, nil, 100, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=200: more than the queue's 100 spans"},
		{[]string{"OTEL_BSP_MAX_QUEUE_SIZE=1000", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=2000"}, nil, 512, "512 is used"},
		{[]string{"OTEL_BSP_MAX_QUEUE_SIZE=1000", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=2000"}, Fallback(batch("600")), 600, "600 is used"},
		{[]string{"OTEL_BSP_MAX_QUEUE_SIZE=1000"}, batch("2000"), 512, "WithMaxExportBatchSize(2000): more than the queue's 1000 spans"},
		{[]string{"OTEL_BSP_MAX_QUEUE_SIZE=1000", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=1000"}, nil, 1000, ""},
		{[]string{"OTEL_BSP_MAX_QUEUE_SIZE=100"}, nil, 100, ""},
		{[]string{"OTEL_BSP_MAX_QUEUE_SIZE=100"}, Fallback(batch("600")), 100, ""},
	} {
		r := Resolve(environment(c.vars...), []Option{c.opt})
		if err := errors.Join(r.Errs...); r.Traces.BatchSize != c.batch || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%v: batches of %d, %v; want %d, %s", c.vars, r.Traces.BatchSize, err, c.batch, c.err)
		}
	}
}

// An error about an endpoint or propagators names the value that is used.
func TestErrorsSayWhatIsUsed(t *testing.T) {
	for vars, want := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=c:1":                                                 `no scheme (write http://c:1); http://localhost:4318/v1/traces is used`,
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=c:1 OTEL_EXPORTER_OTLP_ENDPOINT=http://u:p@d": `no scheme (write http://c:1); http://d/v1/traces is used`,
		"OTEL_PROPAGATORS=jaeger":                                                         `or add it by otelx.WithNamedPropagator); tracecontext,baggage is used`,
		"OTEL_PROPAGATORS=jaeger,ottrace,jaeger":                                          `"jaeger,ottrace,jaeger": "jaeger", "ottrace" are unknown (write none, tracecontext, baggage, b3 or b3multi, separated by commas, or add them by otelx.WithNamedPropagator); tracecontext,baggage is used`,
		"OTEL_PROPAGATORS=jaeger,b3,none":                                                 `or add it by otelx.WithNamedPropagator); b3,none is used`,
	} {
		r := Resolve(environment(strings.Fields(vars)...), nil)
		if len(r.Errs) != 1 || !strings.HasSuffix(r.Errs[0].Error(), want) {
			t.Errorf("%s: %v, want %s", vars, r.Errs, want)
		}
	}
}
