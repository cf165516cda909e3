package config

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"

	"github.com/epilogue-go/epilogue/otelx/internal/pipeline"
)

// on switches metrics and logs on.
func on() Option {
	return Options(
		WithMetrics(func(*pipeline.Builder, *Config, Flusher) (*pipeline.Signal, metric.MeterProvider) { return nil, nil }, nil),
		WithLogs(func(*pipeline.Builder, *Config, Flusher) (*pipeline.Signal, log.LoggerProvider) { return nil, nil }, nil),
	)
}

// A setting of a signal is the first of: its own option, an option for all signals, its own variable, the variable for all signals,
// its own preset, a preset for all signals, and the default.
func TestPrecedenceOfSignals(t *testing.T) {
	export := func(c *Config, signal string) *Export {
		return map[string]*Export{"TRACES": &c.Traces.Export, "METRICS": &c.Metrics.Export, "LOGS": &c.Logs.Export}[signal]
	}
	for name, s := range map[string]struct {
		shared   bool // as an option of New
		key      string
		values   [6]string // by rank, the lowest first
		set      func(x *Export, value string)
		get      func(x *Export) string
		standard string
	}{
		"ENDPOINT": {
			false, "ENDPOINT",
			[6]string{"", "http://p", "http://g", "http://s", "", "http://o"},
			func(x *Export, v string) { x.URL = v }, func(x *Export) string { return x.Endpoint.String() }, "http://localhost:4318/",
		},
		"HEADERS": {
			true, "HEADERS",
			[6]string{"a=a", "a=b", "a=c", "a=d", "a=e", "a=f"},
			func(x *Export, v string) { x.Headers = map[string]string{"a": v[2:]} },
			func(x *Export) string { return "a=" + x.Headers["a"] }, "a=",
		},
		"TIMEOUT": {
			true, "TIMEOUT",
			[6]string{"1", "2", "3", "4", "5", "6"},
			func(x *Export, v string) {
				n, _ := strconv.Atoi(v)
				d := time.Duration(n) * time.Millisecond
				x.Timeout = &d
			},
			func(x *Export) string { return millis(*x.Timeout) }, "10000",
		},
		"COMPRESSION": {
			true, "COMPRESSION",
			[6]string{"gzip", "none", "gzip", "none", "gzip", "none"},
			func(x *Export, v string) { x.Compress = v }, func(x *Export) string { return x.Compress }, "none",
		},
	} {
		for _, signal := range []string{"TRACES", "METRICS", "LOGS"} {
			own := func(o ExportOption) Option {
				return map[string]Option{"TRACES": Options(o), "METRICS": ForMetrics(o), "LOGS": ForLogs(o)}[signal]
			}
			ofTraces := func(value string) Option { return SetIf(true, func(c *Settings) { s.set(&c.Traces.Export, value) }) }
			vars, opts, want := map[string]string{}, []Option{on()}, s.standard
			if name == "ENDPOINT" {
				want += "v1/" + strings.ToLower(signal)
			}
			for rank := -1; rank < 6; rank++ {
				value := ""
				if rank >= 0 {
					value = s.values[rank]
				}
				option := SetExportIf(true, func(x *Export) { s.set(x, value) })
				if s.shared {
					option = SetSharedIf(true, func(x *Export) { s.set(x, value) })
				}
				mine := own(option)
				if signal == "TRACES" {
					mine = ofTraces(value)
				}
				switch {
				case rank < 0: // the default
				case value == "":
					continue
				case rank == 0:
					opts = append(opts, Fallback(option))
				case rank == 1:
					opts = append(opts, Fallback(mine))
				case rank == 2:
					vars["OTEL_EXPORTER_OTLP_"+s.key] = value
				case rank == 3:
					vars["OTEL_EXPORTER_OTLP_"+signal+"_"+s.key] = value
				case rank == 4:
					opts = append(opts, option)
				case rank == 5:
					opts = append(opts, mine)
				}
				if rank >= 0 {
					want = value
				}
				if name == "ENDPOINT" && rank == 2 {
					want += "/v1/" + strings.ToLower(signal)
				}
				c := Resolve(func(key string) string { return vars[key] }, opts)
				if got := s.get(export(c, signal)); got != want || len(c.Errs) > 0 {
					t.Errorf("%s of %s, rank %d: %q, %v; want %q", name, signal, rank, got, c.Errs, want)
				}
			}
		}
	}
}

// The queues of the signals have variables of their own.
func TestQueuesOfSignals(t *testing.T) {
	c := Resolve(environment(
		"OTEL_BSP_MAX_QUEUE_SIZE=1000", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=100", "OTEL_BSP_SCHEDULE_DELAY=1", "OTEL_BSP_EXPORT_TIMEOUT=10",
		"OTEL_BLRP_MAX_QUEUE_SIZE=2000", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE=200", "OTEL_BLRP_SCHEDULE_DELAY=2", "OTEL_BLRP_EXPORT_TIMEOUT=20",
		"OTEL_METRIC_EXPORT_INTERVAL=3", "OTEL_METRIC_EXPORT_TIMEOUT=30", "EPILOGUE_MAX_QUEUE_BYTES=5000000",
	), []Option{on()})
	for _, x := range []struct {
		*Export
		queue, batch int
		delay        time.Duration
		timeout      time.Duration
	}{
		{&c.Traces.Export, 1000, 100, time.Millisecond, 10 * time.Millisecond},
		{&c.Metrics.Export, 1<<31 - 1, 10_000, 0, 30 * time.Millisecond},
		{&c.Logs.Export, 2000, 200, 2 * time.Millisecond, 20 * time.Millisecond},
	} {
		if x.QueueSize != x.queue || x.BatchSize != x.batch || *x.ScheduleDelay != x.delay || *x.ExportTimeout != x.timeout || x.QueueBytes != 5_000_000 {
			t.Errorf("%+v, want %d, %d, %v, %v", x.Export, x.queue, x.batch, x.delay, x.timeout)
		}
	}
	if *c.Metrics.Interval != 3*time.Millisecond {
		t.Errorf("interval %v", *c.Metrics.Interval)
	}
}

// The limits of a log record are those of its variables, or of the variables for all signals.
func TestLimitsOfLogRecords(t *testing.T) {
	for vars, want := range map[string][2]int{
		"": {128, -1},
		"OTEL_ATTRIBUTE_COUNT_LIMIT=5 OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=6":                                                                                      {5, 6},
		"OTEL_ATTRIBUTE_COUNT_LIMIT=5 OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=6 OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT=0 OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT=8": {0, 8},
	} {
		c := Resolve(environment(strings.Fields(vars)...), []Option{on()})
		if got := [2]int{*c.Logs.AttributeCount, *c.Logs.AttributeValueLength}; got != want {
			t.Errorf("%s: %v, want %v", vars, got, want)
		}
	}
}

// A bad variable for all signals is one error.
func TestBadVariableForAllSignals(t *testing.T) {
	for _, v := range []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=c:1", "OTEL_EXPORTER_OTLP_TIMEOUT=5s", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_CERTIFICATE=/none",
		"EPILOGUE_MAX_REQUEST_SIZE=1", "EPILOGUE_MAX_QUEUE_BYTES=1", "OTEL_EXPORTER_OTLP_HEADERS=a",
	} {
		if c := Resolve(environment(v), []Option{on()}); len(c.Errs) != 1 {
			t.Errorf("%s: %v", v, errors.Join(c.Errs...))
		}
	}
}

// The exporters of metrics and logs are the first of: an option, the variable, OTLP if it has an endpoint, the preset, and OTLP.
func TestExporters(t *testing.T) {
	lines := Fallback(Options(ForMetrics(WithExporters([]string{EMF})), ForLogs(WithExporters([]string{Lambda}))))
	option := Options(ForMetrics(WithExporters([]string{"Console", "none"})), ForLogs(WithExporters([]string{"none"})))
	for _, c := range []struct {
		vars          string
		opts          []Option
		metrics, logs string
	}{
		{"", nil, "otlp", "otlp"},
		{"", []Option{lines}, "emf", "lambda"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", []Option{lines}, "otlp", "otlp"},
		{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://c", []Option{lines}, "emf", "otlp"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c OTEL_METRICS_EXPORTER=awsemf,emf,otlp OTEL_LOGS_EXPORTER=lambda,otlp", []Option{lines}, "emf otlp", "lambda otlp"},
		{"OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=NONE", []Option{lines}, "", ""},
		{"OTEL_METRICS_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp", []Option{lines}, "otlp", "otlp"},
		{"OTEL_METRICS_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp", []Option{lines, option}, "console", ""},
	} {
		r := Resolve(environment(strings.Fields(c.vars)...), append(c.opts, on()))
		metrics, logs := strings.Join(r.Metrics.Exporters, " "), strings.Join(r.Logs.Exporters, " ")
		if metrics != c.metrics || logs != c.logs || len(r.Errs) > 0 {
			t.Errorf("%s: metrics %q, logs %q, %v; want %q, %q", c.vars, metrics, logs, r.Errs, c.metrics, c.logs)
		}
		if r.Logs.Endpoint != nil != strings.Contains(logs, OTLP) || r.Metrics.Endpoint != nil != strings.Contains(metrics, OTLP) {
			t.Errorf("%s: endpoints %v, %v", c.vars, r.Metrics.Endpoint, r.Logs.Endpoint)
		}
	}
}

// An error about an endpoint names the one that is used instead.
func TestBadEndpointOfSignals(t *testing.T) {
	lines := Fallback(ForLogs(WithExporters([]string{Lambda})))
	c := Resolve(environment("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=c:1", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=m:1"), []Option{on(), lines})
	const want = `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="m:1": no scheme (write http://m:1); http://localhost:4318/v1/metrics is used` + "\n" +
		`OTEL_EXPORTER_OTLP_LOGS_ENDPOINT="c:1": no scheme (write http://c:1); lambda is used`
	if err := errors.Join(c.Errs...); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
