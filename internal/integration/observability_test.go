package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/internal/memnet"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

// docs/observability.md names every counter, every metric and every line of the agent, so that none comes or goes in
// silence.
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

// metricNames returns the names of the metrics that an export brings about.
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

var said = regexp.MustCompile(`\.log(?:Limited)?\(slog\.Level\w+,\s+"([^"]+)"`)

// linesOf returns the messages that the package in dir writes.
func linesOf(t *testing.T, dir string) (lines []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range said.FindAllStringSubmatch(string(source), -1) {
			lines = append(lines, m[1])
		}
	}
	return lines
}

// figures keeps, of each export of metrics, how many spans had been processed well by then.
type figures struct {
	mu        sync.Mutex
	processed []int64
}

func (f *figures) Export(_ context.Context, data *metricdata.ResourceMetrics) error {
	f.mu.Lock()
	defer f.mu.Unlock()
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
	f.processed = append(f.processed, n)
	return nil
}

func (*figures) Temporality(k sdkmetric.InstrumentKind) metricdata.Temporality {
	return sdkmetric.DefaultTemporalitySelector(k)
}

func (*figures) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

func (*figures) ForceFlush(context.Context) error { return nil }
func (*figures) Shutdown(context.Context) error   { return nil }

// Beside the traces behind Join, metrics are exported after each invocation with the figures up to the flush before, and
// at the end with all.
func TestMetricsBesideTraces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls, each = 4, 4 // each: three and the invocation's own
		exporter := new(figures)
		network := new(memnet.Network)
		listener, err := network.Listen(collectorAddress)
		if err != nil {
			t.Fatal(err)
		}
		program := lambdatest.Func(func(p *lambdatest.Process) { emulated(p).metered(exporter) })
		trouble{fault: always(well)}.drive(t, calls, listener, lambdatest.Config{Network: network}, program)

		exporter.mu.Lock()
		defer exporter.mu.Unlock()
		if len(exporter.processed) != calls+2 { // at SIGTERM ForceFlush and Shutdown
			t.Fatalf("exports with %d; want %d of them", exporter.processed, calls+2)
		}
		for i, n := range exporter.processed {
			if least := int64(min(i, calls) * each); n < least {
				t.Errorf("export %d has %d spans processed; want at least %d", i+1, n, least)
			}
		}
	})
}

// metered is the quiet function with metrics.
func (m machine) metered(exporter sdkmetric.Exporter) {
	ctx := context.Background()
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(
		sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithInterval(24*time.Hour))))
	tel, err := otelx.New(ctx, append(m.telemetry, awslambda.Defaults(), otelx.WithMeterProvider(meters))...)
	if err != nil {
		fmt.Fprintln(m.stderr, "telemetry:", err)
	}
	ag := agent.Start(ctx, agent.MultiFlusher(tel, meters), m.agent...)
	handle := crowd{&function{machine: m, tracer: tel.TracerProvider().Tracer("function")}}.handle
	m.serve(m.wrap(handle, ag, tel))
}
