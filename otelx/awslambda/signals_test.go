package awslambda_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

// output returns the lines that a function with a count and a log record writes to standard output.
func output(t *testing.T, env map[string]string) (lines []string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	was := os.Stdout
	os.Stdout = w
	s, newErr := otelx.New(t.Context(), awslambda.Defaults(), otelx.WithMetrics(), otelx.WithLogs(), with(env))
	os.Stdout = was
	orders, err := s.MeterProvider().Meter("test").Int64Counter("orders")
	if err := errors.Join(err, newErr); err != nil {
		t.Error(err)
	}
	orders.Add(t.Context(), 1)
	var record log.Record
	record.SetBody(attribute.StringValue("ordered"))
	s.LoggerProvider().Logger("test").Emit(t.Context(), record)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // the endpoint answers nothing
	defer cancel()
	_ = s.ForceFlush(ctx)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	for scanner := bufio.NewScanner(r); scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	_ = s.Shutdown(ctx)
	return lines
}

// Metrics and logs are lines on standard output unless an endpoint is given, or an exporter.
func TestMetricsAndLogsNeedNoBackend(t *testing.T) {
	const endpoint = "http://127.0.0.1:1"
	for name, c := range map[string]struct {
		env  map[string]string
		want string
	}{
		"nothing":           {nil, "log metric"},
		"endpoint":          {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, ""},
		"of metrics":        {map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": endpoint + "/v1/metrics"}, "log"},
		"of logs":           {map[string]string{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": endpoint + "/v1/logs"}, "metric"},
		"otlp":              {map[string]string{"OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp"}, ""},
		"endpoint, ours":    {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_METRICS_EXPORTER": "emf", "OTEL_LOGS_EXPORTER": "otlp,lambda"}, "log metric"},
		"below its level":   {map[string]string{"AWS_LAMBDA_LOG_LEVEL": "WARN"}, "metric"},
		"neither":           {map[string]string{"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}, ""},
		"OpenTelemetry off": {map[string]string{"OTEL_SDK_DISABLED": "true"}, ""},
	} {
		var got []string
		for _, line := range output(t, c.env) {
			switch {
			case strings.Contains(line, `"Namespace":"orders"`) && strings.Contains(line, `"orders":1`):
				got = append(got, "metric")
			case strings.Contains(line, `"message":"ordered"`):
				got = append(got, "log")
			default:
				t.Errorf("%s: line %s", name, line)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: lines %q, want %q", name, got, c.want)
		}
	}
}

// With metrics on, the resource has an instance: the log stream, unless something else sets it.
func TestServiceInstance(t *testing.T) {
	for name, c := range map[string]struct {
		opts []otelx.Option
		want string
	}{
		"log stream":      {[]otelx.Option{awslambda.Defaults(), with(nil), otelx.WithMetrics()}, "2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef"},
		"variable":        {[]otelx.Option{awslambda.Defaults(), with(map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=mine"}), otelx.WithMetrics()}, "mine"},
		"without metrics": {[]otelx.Option{awslambda.Defaults(), with(nil)}, ""},
	} {
		got, _ := attributes(t, c.opts...)["service.instance.id"].(string)
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
