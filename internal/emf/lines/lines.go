// Package lines reads lines in the embedded metric format and checks them: against each rule and limit of the Amazon
// CloudWatch User Guide, "Specification: Embedded metric format", of the API Reference, "MetricDatum" and "Dimension",
// and of Lambda's log pipe. It shares no code with the encoder.
package lines

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/epilogue-go/epilogue/internal/jsontext/strict"
)

// Metric is one metric value of a line.
type Metric struct {
	Namespace, Name, Unit string // Unit is "None" if the line has none
	Time                  time.Time
	Dimensions            map[string]string
	Value                 float64
	Distribution          *Distribution // replaces Value; nil: none
}

// Distribution is a metric value that stands for several.
type Distribution struct {
	Values, Counts []float64
	Max, Min, Sum  *float64
	Count          *float64
}

// document is the members of a line that the specification defines.
type document struct {
	AWS *struct {
		Timestamp         *json.Number
		CloudWatchMetrics []directive
	} `json:"_aws"`
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct {
	Name, Unit        string
	StorageResolution *json.Number
}

// Is reports whether line looks like one in the embedded metric format. Parse may reject it nevertheless.
func Is(line []byte) bool {
	var d document
	return json.Unmarshal(line, &d) == nil && d.AWS != nil && len(d.AWS.CloudWatchMetrics) > 0
}

// Parse returns the metrics of a line, which may end with a line feed. The error joins all violations of the rules.
func Parse(line []byte) ([]Metric, error) {
	r := &reader{}
	r.check(len(line) <= maxLine, "a line of %d bytes", len(line))
	text := strings.TrimSuffix(string(line), "\n")
	r.check(!strings.ContainsAny(text, "\n\r"), "a line feed within the line")
	var d document
	if err := strict.Unmarshal([]byte(text), &r.members); err != nil {
		return nil, errors.Join(append(r.violations, err)...)
	}
	if err := strict.Unmarshal([]byte(text), &d); err != nil {
		return nil, errors.Join(append(r.violations, err)...)
	}
	if d.AWS == nil || d.AWS.Timestamp == nil {
		return nil, errors.Join(append(r.violations, errors.New("no _aws.Timestamp"))...)
	}
	milliseconds, err := d.AWS.Timestamp.Int64()
	r.check(err == nil, "timestamp %s", *d.AWS.Timestamp)
	r.checkLogMembers()
	r.check(len(d.AWS.CloudWatchMetrics) > 0, "no directive")
	for i := range d.AWS.CloudWatchMetrics {
		r.directive(&d.AWS.CloudWatchMetrics[i], time.UnixMilli(milliseconds))
	}
	return r.metrics, errors.Join(r.violations...)
}

// Limits.
const (
	maxLine           = 60_000
	maxMetrics        = 100
	maxDimensions     = 30
	maxValues         = 100
	maxNamespace      = 255
	maxMetricName     = 255
	maxDimensionName  = 250
	maxDimensionValue = 1024
	maxMagnitude      = 0x1p360
)

var (
	validUnit = regexp.MustCompile(`^((Seconds|Microseconds|Milliseconds|Percent|None)|` +
		`((Bytes|Kilobytes|Megabytes|Gigabytes|Terabytes|Bits|Kilobits|Megabits|Gigabits|Terabits|Count)(/Second)?))$`)
	validNamespace = regexp.MustCompile(`^[a-zA-Z0-9 ._#/-][a-zA-Z0-9 ._#:/-]*$`)
	validDimension = regexp.MustCompile(`^[ -~]*[!-~][ -~]*$`)
	validLevel     = regexp.MustCompile(`^(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)$`)
)

// reader collects the metrics and violations of a line.
type reader struct {
	members    map[string]any
	metrics    []Metric
	violations []error
}

func (r *reader) check(ok bool, format string, args ...any) {
	if !ok {
		r.violations = append(r.violations, fmt.Errorf(format, args...))
	}
}

// checkLogMembers checks the members that Lambda reads in JSON log format: both or none.
func (r *reader) checkLogMembers() {
	timestamp, hasTime := r.members["timestamp"]
	level, hasLevel := r.members["level"]
	if !hasTime && !hasLevel {
		return
	}
	text, _ := timestamp.(string)
	_, err := time.Parse(time.RFC3339, text)
	r.check(err == nil, "timestamp %v is not RFC 3339", timestamp)
	text, _ = level.(string)
	r.check(validLevel.MatchString(text), "level %v", level)
}

func (r *reader) directive(d *directive, at time.Time) {
	ok := validNamespace.MatchString(d.Namespace) && !strings.HasPrefix(d.Namespace, "AWS/")
	r.check(ok && len(d.Namespace) <= maxNamespace, "namespace %q", d.Namespace)
	r.check(len(d.Metrics) > 0 && len(d.Metrics) <= maxMetrics, "%d metrics in a directive", len(d.Metrics))
	r.check(len(d.Dimensions) > 0, "no dimension set")
	names := map[string]bool{"_aws": true, "timestamp": true, "level": true}
	for i := range d.Metrics {
		name := d.Metrics[i].Name
		r.check(!names[name], "%q has two meanings", name)
		names[name] = true
	}
	for _, set := range d.Dimensions {
		dimensions := r.dimensions(set, names)
		for i := range d.Metrics {
			m := Metric{Namespace: d.Namespace, Time: at, Dimensions: dimensions}
			r.metric(&d.Metrics[i], &m)
			r.metrics = append(r.metrics, m)
		}
	}
}

// dimensions returns the dimensions of a set. names are those that have another meaning in the line.
func (r *reader) dimensions(set []string, names map[string]bool) map[string]string {
	r.check(len(set) <= maxDimensions, "%d dimensions", len(set))
	dimensions := make(map[string]string, len(set))
	for _, name := range set {
		_, twice := dimensions[name]
		r.check(!twice && !names[name], "%q has two meanings", name)
		ok := validDimension.MatchString(name) && name[0] != ':'
		r.check(ok && len(name) <= maxDimensionName, "dimension %q", name)
		value, isText := r.members[name].(string)
		ok = isText && validDimension.MatchString(value)
		r.check(ok && len(value) <= maxDimensionValue, "value of dimension %q: %q", name, value)
		dimensions[name] = value
	}
	return dimensions
}

// metric reads the value of a metric into m.
func (r *reader) metric(d *definition, m *Metric) {
	m.Name, m.Unit = d.Name, d.Unit
	r.check(d.Name != "" && len(utf16.Encode([]rune(d.Name))) <= maxMetricName, "metric %q", d.Name)
	if m.Unit == "" {
		m.Unit = "None"
	}
	r.check(validUnit.MatchString(m.Unit), "unit %q", m.Unit)
	if s := d.StorageResolution; s != nil {
		r.check(*s == "1" || *s == "60", "storage resolution %s", *s)
	}
	switch value := r.members[d.Name].(type) {
	case json.Number:
		m.Value = r.number(value)
	case []any: // of numbers
		m.Distribution = &Distribution{Values: r.numbers(value)}
		r.check(len(value) > 0, "metric %q has an empty array", d.Name)
	case map[string]any:
		m.Distribution = r.distribution(d.Name, value)
	default:
		r.check(false, "metric %q has the value %v", d.Name, value)
	}
}

func (r *reader) number(n json.Number) float64 {
	v, err := n.Float64()
	r.check(err == nil && math.Abs(v) < maxMagnitude, "value %s", n)
	return v
}

func (r *reader) numbers(list []any) (values []float64) {
	r.check(len(list) <= maxValues, "an array of %d", len(list))
	for _, item := range list {
		n, ok := item.(json.Number)
		r.check(ok, "%v in an array of numbers", item)
		values = append(values, r.number(n))
	}
	return values
}

// distribution reads a distribution. All its members must agree.
func (r *reader) distribution(name string, members map[string]any) *Distribution {
	d := &Distribution{}
	lists := map[string]*[]float64{"Values": &d.Values, "Counts": &d.Counts}
	numbers := map[string]**float64{"Max": &d.Max, "Min": &d.Min, "Count": &d.Count, "Sum": &d.Sum}
	for key, value := range members {
		switch value := value.(type) {
		case []any:
			r.check(lists[key] != nil, "member %q of %q", key, name)
			if list := lists[key]; list != nil {
				*list = r.numbers(value)
			}
		case json.Number:
			r.check(numbers[key] != nil, "member %q of %q", key, name)
			if number := numbers[key]; number != nil {
				v := r.number(value)
				*number = &v
			}
		default:
			r.check(false, "member %q of %q", key, name)
		}
	}
	if d.Max == nil || d.Min == nil || d.Count == nil || d.Sum == nil {
		r.check(false, "%q lacks Max, Min, Count or Sum", name)
		return d
	}
	r.agree(name, d)
	return d
}

func (r *reader) agree(name string, d *Distribution) {
	values, counts := len(d.Values), len(d.Counts)
	r.check(values > 0 && values == counts, "%q has %d values and %d counts", name, values, counts)
	count := 0.0
	for i, n := range d.Counts {
		r.check(n > 0 && n == math.Trunc(n), "%q: count %g", name, n)
		count += n
		if i < values {
			v := d.Values[i]
			r.check(*d.Min <= v && v <= *d.Max, "%q: value %g not in [%g, %g]", name, v, *d.Min, *d.Max)
		}
	}
	r.check(count == *d.Count, "%q: the counts have the sum %g, Count is %g", name, count, *d.Count)
}
