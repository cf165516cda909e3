package emf

import (
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Config configures a [Converter].
type Config struct {
	// Dimensions are the attributes that become dimensions; nil: all.
	Dimensions []string
	// MaxSeries is how many combinations of metric name and dimensions there may be. Each is a custom metric that AWS
	// bills. The points of others go to one series of their metric with the dimension otel.metric.overflow=true.
	MaxSeries int
	// OmittedScope is an instrumentation scope without metrics of its own; empty: there is none.
	OmittedScope string
	// Report gets errors that tell the user what to change. It is called once for each key. It may be nil.
	Report func(key string, err error)
}

// Converter makes points of metricdata. It has the state of a process: its series, and the last values of cumulative
// metrics. Only one goroutine may use it at a time.
type Converter struct {
	config     Config
	selected   map[string]bool // nil: all attributes are dimensions
	series     map[series]bool
	cumulative map[stream]total
	reported   map[string]bool

	// Of one call of Points.
	points  []Point
	index   map[mergeKey]int // of points
	dropped int
}

// series identifies a custom metric of CloudWatch.
type series struct {
	name       string
	dimensions attribute.Distinct
}

// mergeKey identifies points that can be merged.
type mergeKey struct {
	series
	unit                 string
	distribution, latest bool
}

// NewConverter returns a converter without series.
func NewConverter(c Config) *Converter {
	converter := &Converter{
		config: c, series: map[series]bool{}, cumulative: map[stream]total{}, reported: map[string]bool{},
		index: map[mergeKey]int{},
	}
	if c.Dimensions != nil {
		converter.selected = map[string]bool{}
		for _, name := range c.Dimensions {
			converter.selected[name] = true
		}
	}
	return converter
}

// Points returns the data points of a collection, in the order in which lines are made of them, and how many it has
// dropped: points without a value that CloudWatch accepts, and those of cumulative histograms and summaries of a
// metric.Producer that cannot be converted. Points that have the same name, unit, dimensions and kind are merged. The
// points of a collection have the time of the latest, if theirs is less than a second older: metrics that share a line
// have one time.
//
// Nothing in the result refers to rm.
func (c *Converter) Points(rm *metricdata.ResourceMetrics) (points []Point, dropped int) {
	c.points, c.dropped = nil, 0
	clear(c.index)
	for i := range rm.ScopeMetrics {
		scope := &rm.ScopeMetrics[i]
		if c.config.OmittedScope != "" && scope.Scope.Name == c.config.OmittedScope {
			continue
		}
		for j := range scope.Metrics {
			c.addMetric(scope.Scope.Name, &scope.Metrics[j])
		}
	}
	points, c.points = c.points, nil
	valid := points[:0]
	for i := range points { // the sum of points may be too large
		if points[i].valid() {
			valid = append(valid, points[i])
		} else {
			c.drop(points[i].Name)
		}
	}
	alignTimes(valid)
	return groupByDimensions(valid), c.dropped
}

// addMetric adds the points of one metric.
func (c *Converter) addMetric(scope string, m *metricdata.Metrics) {
	s := source{scope: scope, name: m.Name, unit: m.Unit}
	switch data := m.Data.(type) {
	case metricdata.Gauge[int64]:
		addNumbers(c, s, data.DataPoints, asGauge)
	case metricdata.Gauge[float64]:
		addNumbers(c, s, data.DataPoints, asGauge)
	case metricdata.Sum[int64]:
		addNumbers(c, s, data.DataPoints, sumKind(data.Temporality, data.IsMonotonic))
	case metricdata.Sum[float64]:
		addNumbers(c, s, data.DataPoints, sumKind(data.Temporality, data.IsMonotonic))
	case metricdata.Histogram[int64]:
		addHistograms(c, s, data.DataPoints, data.Temporality)
	case metricdata.Histogram[float64]:
		addHistograms(c, s, data.DataPoints, data.Temporality)
	case metricdata.ExponentialHistogram[int64]:
		addExponentials(c, s, data.DataPoints, data.Temporality)
	case metricdata.ExponentialHistogram[float64]:
		addExponentials(c, s, data.DataPoints, data.Temporality)
	case metricdata.Summary:
		c.refuse(s, "summary", len(data.DataPoints))
	}
}

// numberKind says what the values of a metric mean.
type numberKind int

const (
	asGauge numberKind = iota
	asSum              // values are added
	asTotal            // values grow: the difference to the last one is added
)

func sumKind(t metricdata.Temporality, monotonic bool) numberKind {
	if t == metricdata.CumulativeTemporality && monotonic {
		return asTotal
	}
	return asSum
}

func addNumbers[N int64 | float64](c *Converter, s source, points []metricdata.DataPoint[N], kind numberKind) {
	for i := range points {
		p := &points[i]
		value := float64(p.Value)
		if kind == asTotal {
			t, known := c.since(s, p.Attributes, total{start: p.StartTime, sum: value})
			if !known {
				continue
			}
			value = t.sum
		}
		c.add(s, p.Attributes, Point{Time: p.Time, Value: value, latest: kind == asGauge})
	}
}

func addHistograms[N int64 | float64](
	c *Converter, s source, points []metricdata.HistogramDataPoint[N], temporality metricdata.Temporality,
) {
	for i := range points {
		p := &points[i]
		lowest, highest := extremes(p.Min, p.Max)
		now := total{start: p.StartTime, count: p.Count, sum: float64(p.Sum), bounds: p.Bounds, buckets: p.BucketCounts}
		if temporality == metricdata.CumulativeTemporality {
			var known bool
			if now, known = c.since(s, p.Attributes, now); !known || now.count == 0 {
				continue
			}
			lowest, highest = unknown()
		}
		c.add(s, p.Attributes, Point{Time: p.Time, Distribution: explicit(now, lowest, highest)})
	}
}

func addExponentials[N int64 | float64](
	c *Converter, s source, points []metricdata.ExponentialHistogramDataPoint[N], temporality metricdata.Temporality,
) {
	if temporality == metricdata.CumulativeTemporality {
		c.refuse(s, "cumulative exponential histogram", len(points))
		return
	}
	for i := range points {
		c.add(s, points[i].Attributes, Point{Time: points[i].Time, Distribution: exponential(&points[i])})
	}
}

// add gives p its name, unit and dimensions, and merges it with those of the same.
func (c *Converter) add(s source, attributes attribute.Set, p Point) {
	name := c.metricName(s.name)
	if !p.valid() || name == "" {
		c.drop(s.name)
		return
	}
	p.Name, p.Unit = name, cloudWatchUnit(s.unit)
	p.Attributes = c.admit(name, c.dimensions(name, attributes))
	k := mergeKey{series{name, p.Attributes.Equivalent()}, p.Unit, p.Distribution != nil, p.latest}
	if i, found := c.index[k]; found {
		c.points[i].add(&p)
		return
	}
	c.index[k] = len(c.points)
	c.points = append(c.points, p)
}

// overflow are the dimensions of points that have no series of their own. The SDK marks those beyond its cardinality
// limit with the same attribute (OpenTelemetry specification, "Metrics SDK", overflow attribute).
var overflow = attribute.NewSet(attribute.String(overflowKey, "true"))

const overflowKey = "otel.metric.overflow"

// admit returns the dimensions of a point: its own, or overflow if there are too many series.
func (c *Converter) admit(name string, dimensions attribute.Set) attribute.Set {
	s := series{name, dimensions.Equivalent()}
	switch {
	case c.series[s] || s.dimensions == overflow.Equivalent():
	case len(c.series) < c.config.MaxSeries:
		c.series[s] = true
	default:
		c.report("too many series", "metrics have more than %d combinations of name and dimensions: those of %q and "+
			"others go to the dimension %s=true (select fewer with EPILOGUE_EMF_DIMENSIONS, or raise "+
			"EPILOGUE_EMF_MAX_SERIES; AWS bills each combination)", c.config.MaxSeries, name, overflowKey)
		return overflow
	}
	return dimensions
}

// drop counts a point that CloudWatch does not accept.
func (c *Converter) drop(name string) {
	c.dropped++
	c.report("no value", "metric %q has no value that CloudWatch accepts: it is empty, not a number, infinite or "+
		"has a magnitude of 2^360 or more", name)
}

// refuse counts the points of a metric that cannot be converted.
func (c *Converter) refuse(s source, form string, points int) {
	if points == 0 {
		return
	}
	c.dropped += points
	c.report("refused "+form, "metric %q is a %s, which has no form in EMF (its producer must report delta "+
		"histograms)", s.name, form)
}

// report reports an error unless one with the same key has been reported.
func (c *Converter) report(key, format string, args ...any) {
	if c.config.Report == nil || c.reported[key] {
		return
	}
	c.reported[key] = true
	c.config.Report(key, fmt.Errorf(format, args...))
}

// alignTimes gives all points the time of the latest, except those that are a second older.
func alignTimes(points []Point) {
	var latest time.Time
	for i := range points {
		if points[i].Time.After(latest) {
			latest = points[i].Time
		}
	}
	if latest.IsZero() {
		latest = time.Now()
	}
	for i := range points {
		if p := &points[i]; p.Time.IsZero() || latest.Sub(p.Time) < time.Second {
			p.Time = latest
		}
	}
}

// groupByDimensions makes points with the same dimensions adjacent. Groups and their points keep their order.
func groupByDimensions(points []Point) []Point {
	groups, order := map[attribute.Distinct][]int{}, []attribute.Distinct(nil)
	for i := range points {
		d := points[i].Attributes.Equivalent()
		if groups[d] == nil {
			order = append(order, d)
		}
		groups[d] = append(groups[d], i)
	}
	grouped := make([]Point, 0, len(points))
	for _, d := range order {
		for _, i := range groups[d] {
			grouped = append(grouped, points[i])
		}
	}
	return grouped
}
