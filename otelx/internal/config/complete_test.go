package config

import (
	"errors"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/log"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/otelx/internal/pipeline"
)

// logsOn switches logs on without making them.
func logsOn() Option {
	return WithLogs(func(*pipeline.Builder, *Config, Flusher) (*pipeline.Signal, log.LoggerProvider) { return nil, nil }, nil)
}

// TestComplete: an option may complete the headers of an endpoint, or refuse the endpoint. Then OTLP is not among the exporters.
func TestComplete(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://l/v1/logs"
	for name, c := range map[string]struct {
		vars            []string
		refused         bool
		exporters, sent string // sent is the header that Complete sets
	}{
		"complete":          {[]string{endpoint}, false, "otlp", "after "},
		"complete, headers": {[]string{endpoint, "OTEL_EXPORTER_OTLP_LOGS_HEADERS=a=b"}, false, "otlp", "after b"},
		"refused":           {[]string{endpoint}, true, "", ""},
		"refused of two":    {[]string{endpoint, "OTEL_LOGS_EXPORTER=otlp,lambda"}, true, "lambda", ""},
		"not used":          {[]string{endpoint, "OTEL_LOGS_EXPORTER=lambda"}, false, "lambda", ""},
	} {
		complete := func(x *Export) error {
			if c.refused {
				return errors.New("no stream")
			}
			x.Headers = map[string]string{"given": "after " + x.Headers["a"]}
			return nil
		}
		got := Resolve(environment(c.vars...), []Option{
			Getenv(environment(c.vars...)), logsOn(), Fallback(ForSignal(otelenv.Logs, func(x *Export) { x.Complete = complete })),
		})
		if exporters := strings.Join(got.Logs.Exporters, ","); exporters != c.exporters || got.Logs.Headers["given"] != c.sent {
			t.Errorf("%s: exporters %q, headers %v", name, exporters, got.Logs.Headers)
		}
		if (got.Logs.Endpoint != nil) != (c.sent != "") || (len(got.Errs) == 1) != c.refused {
			t.Errorf("%s: endpoint %v, errors %v", name, got.Logs.Endpoint, got.Errs)
		}
		if got.Traces.Endpoint == nil || got.Traces.Headers["given"] != "" {
			t.Errorf("%s: traces to %v with %v", name, got.Traces.Endpoint, got.Traces.Headers)
		}
	}
}
