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

// newMetrics makes the provider of meters, and a reader with a queue for each exporter.
func newMetrics(b *pipeline.Builder, all *config.Config) (*pipeline.Signal, metric.MeterProvider) {
	c := &all.Metrics
	n := &meters{Builder: b, Metrics: c, resource: all.Resource, signal: &pipeline.Signal{Name: delivery.Metrics}}
	n.settings = b.QueueConfig(delivery.Metrics, &c.Export)
	opts := append([]sdkmetric.Option{sdkmetric.WithResource(all.Resource), exemplars(c.ExemplarFilter)}, n.parts()...)
	if c.Cardinality != nil {
		opts = append(opts, sdkmetric.WithCardinalityLimit(*c.Cardinality))
	}
	for _, exporter := range c.Exporters {
		reader := n.reader(exporter)
		n.signal.Queues = append(n.signal.Queues, reader)
		opts = append(opts, sdkmetric.WithReader(reader))
	}
	provider := hiding(func() metric.MeterProvider { return sdkmetric.NewMeterProvider(opts...) })
	if n.aggregations != nil {
		provider = n.aggregations.MeterProvider(provider)
	}
	otel.SetMeterProvider(provider)
	return n.signal, provider
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
	*pipeline.Builder
	*config.Metrics

	resource     *resource.Resource
	signal       *pipeline.Signal
	settings     delivery.Config
	aggregations *emf.Aggregations // nil: no exporter is EMF
	producers    []sdkmetric.Producer
}

// parts returns the options of the provider, and remembers the producers for the readers.
func (n *meters) parts() (opts []sdkmetric.Option) {
	for _, part := range n.Parts {
		switch part := part.(type) {
		case []sdkmetric.View:
			opts = append(opts, sdkmetric.WithView(part...))
		case exemplar.Filter:
			opts = append(opts, sdkmetric.WithExemplarFilter(part))
		case []sdkmetric.Producer:
			n.producers = append(n.producers, slices.DeleteFunc(slices.Clone(part), func(p sdkmetric.Producer) bool { return p == nil })...)
		}
	}
	return opts
}

// reader returns the reader of one exporter.
func (n *meters) reader(exporter string) *metrics.Reader {
	c := metrics.Config{
		Interval: config.DefaultInterval, EachFlush: *n.EachInvocation, Timeout: *n.ExportTimeout, Producers: n.producers,
		DropError: n.settings.DropError, Report: n.Reporter(delivery.Metrics).Failure,
	}
	switch exporter {
	case config.EMF:
		c.Interval = config.DefaultEMFInterval
		n.toLines(&c)
	case config.Console:
		n.toOTLP(&c, delivery.NewItemQueue(n.ItemEngine(), n.settings, encoding.NewConsole(os.Stdout, otlp.NewMetricLineEncoder(), consolePoints)))
	default:
		engine := n.Engine(delivery.Metrics, &n.Export)
		n.toOTLP(&c, delivery.NewQueue(engine, n.settings, metrics.NewEncoder(n.Limits.ResourceBytes)))
	}
	if n.Interval != nil {
		c.Interval = *n.Interval
	}
	return metrics.NewReader(c)
}

// consolePoints is how many data points a line of the console has at most.
const consolePoints = 100

// toOTLP makes the data points those of OTLP.
func (n *meters) toOTLP(c *metrics.Config, q *delivery.Queue[otlp.Point]) {
	c.Queue, c.Push = q, metrics.Push(q)
	c.Options = []sdkmetric.ManualReaderOption{
		sdkmetric.WithTemporalitySelector(temporality(n.Temporality)), sdkmetric.WithAggregationSelector(aggregation(n.Histograms)),
	}
	n.signal.Spills = append(n.signal.Spills,
		spiller.Of(q, n.settings.Items, func() spill.Encoder[otlp.Point] { return otlp.NewMetricLineEncoder() }))
}

// toLines makes the data points lines of EMF. They cannot be spilled: a spill goes to the same log.
func (n *meters) toLines(c *metrics.Config) {
	x := n.Export
	x.Sender = emf.NewSender(os.Stdout)
	service, _ := n.resource.Set().Value(semconv.ServiceNameKey)
	format := emf.Format{
		Namespace: cmp.Or(n.Namespace, emf.DefaultNamespace(service.AsString())), JSON: n.LogJSON, LogLevel: n.LogLevel,
	}
	q := delivery.NewQueue(n.Engine(delivery.Metrics, &x), n.settings, emf.NewEncoder(format))
	rules := emf.Config{MaxSeries: n.MaxSeries, Report: n.Reporter(delivery.Metrics).Hint}
	if !*n.FaaS {
		rules.OmittedScope = version.HandlerScope
	}
	if n.Dimensions != nil {
		rules.Dimensions = *n.Dimensions
	}
	n.aggregations = &emf.Aggregations{}
	c.Queue, c.Push = q, metrics.PushEMF(q, emf.NewConverter(rules))
	c.Options = []sdkmetric.ManualReaderOption{
		sdkmetric.WithTemporalitySelector(emf.Temporality), sdkmetric.WithAggregationSelector(n.aggregations.Select),
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
