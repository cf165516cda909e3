package otelx

import (
	"cmp"
	"os"
	"slices"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/emf"
	"github.com/epilogue-go/epilogue/internal/otlp"
	"github.com/epilogue-go/epilogue/internal/spill"
	"github.com/epilogue-go/epilogue/internal/version"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
	"github.com/epilogue-go/epilogue/otelx/internal/encoding"
	"github.com/epilogue-go/epilogue/otelx/internal/metrics"
	"github.com/epilogue-go/epilogue/otelx/internal/pipeline"
	"github.com/epilogue-go/epilogue/otelx/internal/spiller"
)

// newMetrics builds the meter provider, and a reader with a queue for each exporter.
func newMetrics(b *pipeline.Builder, all *config.Config, s config.Flusher) (*pipeline.Signal, metric.MeterProvider) {
	c := &all.Metrics
	m := &meters{
		builder: b, config: c, queue: b.QueueConfig(delivery.Metrics, &c.Export), resource: all.Resource,
		signal: &pipeline.Signal{Name: delivery.Metrics},
	}
	opts := append([]sdkmetric.Option{sdkmetric.WithResource(all.Resource), exemplars(c.ExemplarFilter)}, m.parts()...)
	if c.Cardinality != nil {
		opts = append(opts, sdkmetric.WithCardinalityLimit(*c.Cardinality))
	}
	for _, exporter := range c.Exporters {
		reader := m.reader(exporter)
		m.signal.Queues = append(m.signal.Queues, reader)
		opts = append(opts, sdkmetric.WithReader(reader))
	}
	provider := hiding(func() metric.MeterProvider { return sdkmetric.NewMeterProvider(opts...) })
	if m.aggregations != nil {
		provider = m.aggregations.MeterProvider(provider)
	}
	provider = metrics.NewProvider(provider, s)
	otel.SetMeterProvider(provider)
	return m.signal, provider
}

// exemplars returns the option of a value of OTEL_METRICS_EXEMPLAR_FILTER.
func exemplars(filter string) sdkmetric.Option {
	switch filter {
	case config.AlwaysOn:
		return sdkmetric.WithExemplarFilter(exemplar.AlwaysOnFilter)
	case config.AlwaysOff:
		return sdkmetric.WithExemplarFilter(exemplar.AlwaysOffFilter)
	}
	return sdkmetric.WithExemplarFilter(exemplar.TraceBasedFilter)
}

// meters makes the readers of one signal.
type meters struct {
	builder  *pipeline.Builder
	config   *config.Metrics
	queue    delivery.Config // of the queue of each reader
	resource *resource.Resource

	signal       *pipeline.Signal
	aggregations *emf.Aggregations // nil: no exporter is EMF
	producers    []sdkmetric.Producer
}

// parts returns the options of the provider, and remembers the producers for the readers.
func (m *meters) parts() (opts []sdkmetric.Option) {
	for _, part := range m.config.Parts {
		switch part := part.(type) {
		case []sdkmetric.View:
			opts = append(opts, sdkmetric.WithView(part...))
		case exemplar.Filter:
			opts = append(opts, sdkmetric.WithExemplarFilter(part))
		case []sdkmetric.Producer:
			isNil := func(p sdkmetric.Producer) bool { return p == nil }
			m.producers = append(m.producers, slices.DeleteFunc(slices.Clone(part), isNil)...)
		}
	}
	return opts
}

// reader returns the reader of one exporter.
func (m *meters) reader(exporter string) *metrics.Reader {
	c := metrics.Config{
		Interval: config.DefaultInterval, EachFlush: *m.config.EachInvocation, Timeout: *m.config.ExportTimeout,
		Producers: m.producers,
		DropError: m.queue.DropError, Report: m.builder.Reporter(delivery.Metrics).Failure,
	}
	switch exporter {
	case config.EMF:
		c.Interval = config.DefaultEMFInterval
		m.toLines(&c)
	case config.Console:
		sender := encoding.NewConsole(os.Stdout, otlp.NewMetricLineEncoder(), consolePoints)
		m.toOTLP(&c, delivery.NewItemQueue(m.builder.ItemEngine(), m.queue, sender))
	default:
		engine := m.builder.Engine(delivery.Metrics, &m.config.Export)
		m.toOTLP(&c, delivery.NewQueue(engine, m.queue, metrics.NewEncoder(m.config.Limits.ResourceBytes)))
	}
	if m.config.Interval != nil {
		c.Interval = *m.config.Interval
	}
	return metrics.NewReader(c)
}

// consolePoints is how many data points a line of the console has at most.
const consolePoints = 100

// toOTLP makes the data points those of OTLP.
func (m *meters) toOTLP(c *metrics.Config, q *delivery.Queue[otlp.Point]) {
	c.Queue, c.Push = q, metrics.Push(q)
	c.Options = []sdkmetric.ManualReaderOption{
		sdkmetric.WithTemporalitySelector(temporality(m.config.Temporality)),
		sdkmetric.WithAggregationSelector(aggregation(m.config.Histograms)),
	}
	m.signal.Spills = append(m.signal.Spills,
		spiller.Of(q, m.queue.Items, func() spill.Encoder[otlp.Point] { return otlp.NewMetricLineEncoder() }))
}

// toLines makes the data points lines of EMF. They cannot be spilled: a spill goes to the same log.
func (m *meters) toLines(c *metrics.Config) {
	x := m.config.Export
	x.Sender = emf.NewSender(os.Stdout)
	service, _ := m.resource.Set().Value(semconv.ServiceNameKey)
	format := emf.Format{
		Namespace: cmp.Or(m.config.Namespace, emf.DefaultNamespace(service.AsString())),
		JSON:      m.config.LogJSON, LogLevel: m.config.LogLevel,
	}
	q := delivery.NewQueue(m.builder.Engine(delivery.Metrics, &x), m.queue, emf.NewEncoder(format))
	rules := emf.Config{MaxSeries: m.config.MaxSeries, Report: m.builder.Reporter(delivery.Metrics).Hint}
	if !*m.config.FaaS {
		rules.OmittedScope = version.HandlerScope
	}
	if m.config.Dimensions != nil {
		rules.Dimensions = *m.config.Dimensions
	}
	m.aggregations = &emf.Aggregations{}
	c.Queue, c.Push = q, metrics.PushEMF(q, emf.NewConverter(rules))
	c.Options = []sdkmetric.ManualReaderOption{
		sdkmetric.WithTemporalitySelector(emf.Temporality), sdkmetric.WithAggregationSelector(m.aggregations.Select),
	}
}

func temporality(preference string) sdkmetric.TemporalitySelector {
	switch preference {
	case config.Delta:
		return sdkmetric.DeltaTemporalitySelector
	case config.LowMemory:
		return sdkmetric.LowMemoryTemporalitySelector
	}
	return sdkmetric.CumulativeTemporalitySelector
}

func aggregation(histograms string) sdkmetric.AggregationSelector {
	if histograms != config.ExponentialBuckets {
		return sdkmetric.DefaultAggregationSelector
	}
	return func(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
		if kind != sdkmetric.InstrumentKindHistogram {
			return sdkmetric.DefaultAggregationSelector(kind)
		}
		// The size and scale that the OpenTelemetry specification has for this aggregation, "Base2 Exponential Bucket Histogram
		// Aggregation".
		return sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}
	}
}
