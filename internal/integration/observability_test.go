package integration

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
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

// exportCounts keeps, of each export of metrics, how many spans had been processed without an error by then.
type exportCounts struct {
	mu        sync.Mutex
	processed []int64
}

func (x *exportCounts) Export(_ context.Context, data *metricdata.ResourceMetrics) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := int64(-1)
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			sum, ok := m.Data.(metricdata.Sum[int64])
			for _, p := range sum.DataPoints {
				if ok && m.Name == "otel.sdk.processor.span.processed" && !p.Attributes.HasValue("error.type") {
					n = p.Value
				}
			}
		}
	}
	x.processed = append(x.processed, n)
	return nil
}

func (*exportCounts) Temporality(k sdkmetric.InstrumentKind) metricdata.Temporality {
	return sdkmetric.DefaultTemporalitySelector(k)
}

func (*exportCounts) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

func (*exportCounts) ForceFlush(context.Context) error { return nil }
func (*exportCounts) Shutdown(context.Context) error   { return nil }

// If the agent also flushes a meter provider, metrics are exported after each invocation with the counts up to the flush
// before, and at the end with all.
func TestMetricsAndTraces(t *testing.T) {
	const calls = 4
	exporter := new(exportCounts)
	inMemory(t, scenario{
		Main:  func(p harness.Process) { withMetrics(p, exporter) },
		Env:   []string{harness.WithoutInitSpan + "=true"},
		Steps: steps(repeat(calls, invoke(ok)), shutdown), Unchecked: true,
	})
	if len(exporter.processed) != calls+2 { // at SIGTERM ForceFlush and Shutdown
		t.Fatalf("exports with %d; want %d of them", exporter.processed, calls+2)
	}
	for i, n := range exporter.processed {
		if least := int64(min(i, calls) * ok.Spans); n < least {
			t.Errorf("export %d has %d spans processed; want at least %d", i+1, n, least)
		}
	}
}

// withMetrics is the function with a meter provider.
func withMetrics(p harness.Process, exporter sdkmetric.Exporter) {
	ctx := context.Background()
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(
		sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithInterval(24*time.Hour))))
	tel, err := otelx.New(ctx, append(p.Telemetry(), awslambda.Defaults(), otelx.WithMeterProvider(meters))...)
	if err != nil {
		fmt.Fprintln(p.Stderr, "telemetry:", err)
	}
	f := harness.Complete(&harness.Function{Process: p, SDK: tel, Agent: agent.Start(ctx, agent.MultiFlusher(tel, meters), p.Agent()...)})
	f.Serve(f.Handle)
}
