package emf

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// program is an SDK whose reader is configured for EMF.
type program struct {
	t         *testing.T
	reader    *sdkmetric.ManualReader
	converter *Converter
	meter     metric.Meter
}

func newProgram(t *testing.T, views ...sdkmetric.View) *program {
	t.Helper()
	aggregations := &Aggregations{}
	reader := sdkmetric.NewManualReader(
		sdkmetric.WithTemporalitySelector(Temporality), sdkmetric.WithAggregationSelector(aggregations.Select),
	)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithView(views...))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return &program{t, reader, NewConverter(Config{MaxSeries: 100}), aggregations.MeterProvider(provider).Meter("test")}
}

// collect makes a collection and returns the metrics of its lines.
func (p *program) collect() string {
	p.t.Helper()
	var rm metricdata.ResourceMetrics
	if err := p.reader.Collect(p.t.Context(), &rm); err != nil {
		p.t.Fatal(err)
	}
	return written(p.t, p.converter, &rm)
}

func (p *program) want(want ...string) {
	p.t.Helper()
	if got := p.collect(); got != strings.Join(want, "\n") {
		p.t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// TestInstruments: every kind of instrument, in two collections.
func TestInstruments(t *testing.T) {
	p, ctx, a := newProgram(t), t.Context(), metric.WithAttributes(attribute.String("a", "1"))
	counter, _ := p.meter.Int64Counter("counter", metric.WithUnit("{order}"))
	upDown, _ := p.meter.Int64UpDownCounter("updown")
	current, _ := p.meter.Float64Gauge("gauge", metric.WithUnit("By"))
	duration, _ := p.meter.Float64Histogram("duration", metric.WithUnit("s"))
	size, _ := p.meter.Int64Histogram("size")
	seven := func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(7)
		return nil
	}
	_, err := p.meter.Int64ObservableCounter("total", metric.WithInt64Callback(seven))
	if err != nil {
		t.Fatal(err)
	}
	counter.Add(ctx, 2, a)
	upDown.Add(ctx, 5)
	current.Record(ctx, 1.5)
	duration.Record(ctx, 0.25, a)
	size.Record(ctx, 4)
	size.Record(ctx, 4)
	p.want(
		"counter[Count][a:1]=2", "duration[Seconds][a:1]=[0.25]×[1] min 0.25 max 0.25 sum 0.25", "gauge[Bytes]=1.5",
		"size=[4]×[2] min 4 max 4 sum 8", "total=7", "updown=5",
	)
	counter.Add(ctx, 3, a)
	upDown.Add(ctx, -6)
	p.want("counter[Count][a:1]=3", "gauge[Bytes]=1.5", "total=0", "updown=-1")
}

// TestBoundaries: a histogram with boundaries of its own, or of a view, keeps them; others have at most 100 buckets.
func TestBoundaries(t *testing.T) {
	p, ctx := newProgram(t, sdkmetric.NewView(sdkmetric.Instrument{Name: "viewed"}, sdkmetric.Stream{
		Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: []float64{10}, NoMinMax: true},
	})), t.Context()
	owned, _ := p.meter.Float64Histogram("owned", metric.WithExplicitBucketBoundaries(10, 20))
	whole, _ := p.meter.Int64Histogram("whole", metric.WithExplicitBucketBoundaries(10, 20))
	viewed, _ := p.meter.Float64Histogram("viewed")
	for v := range 3 {
		owned.Record(ctx, float64(12+2*v))
		whole.Record(ctx, int64(12+v))
		viewed.Record(ctx, float64(9+2*v))
	}
	p.want(
		"owned=[14]×[3] min 12 max 16 sum 42", "viewed=[10]×[3] min 10 max 10 sum 33",
		"whole=[13]×[3] min 12 max 14 sum 39",
	)

	wide, _ := p.meter.Float64Histogram("wide")
	for v := 1.0; v < 1e9; v *= 1.01 {
		wide.Record(ctx, v)
	}
	var rm metricdata.ResourceMetrics
	if err := p.reader.Collect(ctx, &rm); err != nil {
		t.Fatal(err)
	}
	points, _ := p.converter.Points(&rm)
	if len(points) != 1 || points[0].Distribution.Count != 2083 || len(points[0].Distribution.Values) > maxBuckets {
		t.Errorf("%+v", points)
	}
}
