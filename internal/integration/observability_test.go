package integration

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/otelx"
)

// docs/observability.md names every counter, every metric and every log line of the agent.
func TestObservabilityIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	wants := map[string][]string{
		"a counter of otelx": fieldsOf(reflect.TypeFor[otelx.Stats](), ""),
		"a reason of drops":  fieldsOf(reflect.TypeFor[otelx.Dropped](), "Dropped."),
		"a counter of agent": fieldsOf(reflect.TypeFor[agent.Stats](), ""),
		"a metric":           metricNames(t),
		"a line":             linesOf(t, "../../agent"),
	}
	for what, names := range wants {
		if len(names) == 0 {
			t.Errorf("%s: none found", what)
		}
		for _, name := range names {
			if !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("docs/observability.md does not have %s: `%s`", what, name)
			}
		}
	}
}

func fieldsOf(t reflect.Type, prefix string) (names []string) {
	for field := range t.Fields() {
		if field.IsExported() {
			names = append(names, prefix+field.Name)
		}
	}
	return names
}

// metricNames returns the names of the metrics of an export.
func metricNames(t *testing.T) (names []string) {
	t.Helper()
	ctx := context.Background()
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	tel, err := otelx.New(ctx, otelx.WithMeterProvider(provider), otelx.WithExporter(tracetest.NewInMemoryExporter()))
	if err != nil {
		t.Fatal(err)
	}
	_, span := tel.TracerProvider().Tracer("test").Start(ctx, "a")
	span.End()
	if err := tel.ForceFlush(ctx); err != nil {
		t.Error(err)
	}
	var data metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &data); err != nil {
		t.Fatal(err)
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			names = append(names, m.Name)
		}
	}
	if err := tel.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	return names
}

var logCall = regexp.MustCompile(`\.Log(?:Limited)?\(\s*[\w.]+,\s*"([^"]+)"`)

// linesOf returns the messages that the packages at and below dir write.
func linesOf(t *testing.T, dir string) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range logCall.FindAllStringSubmatch(string(source), -1) {
			lines = append(lines, m[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}
