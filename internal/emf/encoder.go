package emf

import (
	"fmt"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/jsontext"
)

// Limits of a line. Lambda has been seen to cut lines at 65,536 and at 262,118 bytes, and half a JSON object is no
// metric.
const (
	maxLine    = 60_000
	maxMetrics = 100 // of a line
	maxValues  = 100 // of a distribution in a line
)

// Format is the form of lines.
type Format struct {
	Namespace string // of all metrics; see [CheckNamespace]
	// JSON adds the members timestamp and level, which Lambda expects in each line if AWS_LAMBDA_LOG_FORMAT is JSON.
	JSON bool
	// LogLevel is the value of AWS_LAMBDA_LOG_LEVEL. With JSON a line has at least this level, so that Lambda does not
	// drop it.
	LogLevel string
}

// level returns the level of a line.
func (f *Format) level() string {
	switch level := strings.ToUpper(f.LogLevel); level {
	case "WARN", "ERROR", "FATAL":
		return level
	}
	return "INFO"
}

// Encoder makes lines of points.
type Encoder struct {
	format Format

	dimensions, definitions, members []byte // parts of a line
}

var _ delivery.Encoder[Point] = (*Encoder)(nil)

// NewEncoder returns a constructor of encoders.
func NewEncoder(f Format) func() delivery.Encoder[Point] {
	return func() delivery.Encoder[Point] { return &Encoder{format: f} }
}

// Append appends whole lines that hold a prefix of points. Each line has at most 60,000 bytes, all lines together at
// most limit. Adjacent points with the same dimensions and time share a line. A distribution of more than 100 values
// has lines of its own.
func (e *Encoder) Append(dst []byte, points []Point, limit int) (body []byte, n int) {
	end := len(dst) + limit
	for n < len(points) {
		appended, taken := e.appendLines(dst, points[n:], end-len(dst))
		if taken == 0 {
			break
		}
		dst, n = appended, n+taken
	}
	return dst, n
}

// Describe names a point.
func (*Encoder) Describe(p Point) string { return fmt.Sprintf("data point of metric %q", p.Name) }

// Hint returns none.
func (*Encoder) Hint() (key string, err error) { return "", nil }

// appendLines appends a line that holds the first of points, or several if one of its distributions is split. If they
// would have more than limit bytes together, it appends nothing and returns 0.
func (e *Encoder) appendLines(dst []byte, points []Point, limit int) (lines []byte, n int) {
	if d := points[0].Distribution; d == nil || len(d.Values) <= maxValues {
		return e.appendLine(dst, points, min(limit, maxLine))
	}
	p, start := points[0], len(dst)
	for _, part := range p.Distribution.split(maxValues) {
		p.Distribution = &part
		lines, n = e.appendLine(dst, []Point{p}, min(limit-len(dst)+start, maxLine))
		if n == 0 {
			return dst[:start], 0
		}
		dst = lines
	}
	return dst, 1
}

// appendLine appends one line of at most limit bytes that holds a prefix of points.
func (e *Encoder) appendLine(dst []byte, points []Point, limit int) (line []byte, n int) {
	start, first := len(dst), &points[0]
	line = e.appendHead(dst, first)
	e.dimensions = appendDimensions(e.dimensions[:0], &first.Attributes)
	size := len(line) - start + len(e.dimensions) + len("]}]}}\n")
	e.definitions, e.members = e.definitions[:0], e.members[:0]
	for n < min(len(points), maxMetrics) && sharesLine(points[:n], first, &points[n]) {
		definitions, members := len(e.definitions), len(e.members)
		e.appendMetric(&points[n])
		if size+len(e.definitions)+len(e.members) > limit {
			e.definitions, e.members = e.definitions[:definitions], e.members[:members]
			break
		}
		n++
	}
	if n == 0 {
		return dst[:start], 0
	}
	line = append(append(line, e.definitions...), `]}]}`...)
	line = append(line, e.dimensions...)
	return append(append(line, e.members...), '}', '\n'), n
}

// sharesLine reports whether p can be in a line with the metrics of line, whose first point is first.
func sharesLine(line []Point, first, p *Point) bool {
	if p.Attributes.Equivalent() != first.Attributes.Equivalent() || !p.Time.Equal(first.Time) ||
		p.Distribution != nil && len(p.Distribution.Values) > maxValues {
		return false
	}
	for i := range line {
		if line[i].Name == p.Name { // another kind or unit
			return false
		}
	}
	return true
}

// appendHead appends the line up to its metric definitions.
func (e *Encoder) appendHead(dst []byte, p *Point) []byte {
	dst = append(dst, '{')
	if e.format.JSON {
		dst = append(dst, `"timestamp":"`...)
		dst = p.Time.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
		dst = append(dst, `","level":"`...)
		dst = append(append(dst, e.format.level()...), `",`...)
	}
	dst = append(dst, `"_aws":{"Timestamp":`...)
	dst = strconv.AppendInt(dst, p.Time.UnixMilli(), 10)
	dst = append(dst, `,"CloudWatchMetrics":[{"Namespace":`...)
	dst = jsontext.AppendString(dst, e.format.Namespace)
	dst = append(dst, `,"Dimensions":[[`...)
	for iter := p.Attributes.Iter(); iter.Next(); {
		if i, _ := iter.IndexedAttribute(); i > 0 {
			dst = append(dst, ',')
		}
		dst = jsontext.AppendString(dst, string(iter.Attribute().Key))
	}
	return append(dst, `]],"Metrics":[`...)
}

// appendMetric appends the definition of a metric, and its value as a member.
func (e *Encoder) appendMetric(p *Point) {
	if len(e.definitions) > 0 {
		e.definitions = append(e.definitions, ',')
	}
	e.definitions = append(e.definitions, `{"Name":`...)
	e.definitions = jsontext.AppendString(e.definitions, p.Name)
	if p.Unit != "" {
		e.definitions = append(e.definitions, `,"Unit":`...)
		e.definitions = jsontext.AppendString(e.definitions, p.Unit)
	}
	e.definitions = append(e.definitions, `,"StorageResolution":60}`...)

	e.members = jsontext.AppendString(append(e.members, ','), p.Name)
	e.members = append(e.members, ':')
	if p.Distribution == nil {
		e.members = jsontext.AppendFloat(e.members, p.Value)
		return
	}
	e.members = p.Distribution.append(e.members)
}

func (d *Distribution) append(dst []byte) []byte {
	dst = append(dst, `{"Values":`...)
	for i, v := range d.Values {
		dst = jsontext.AppendFloat(append(dst, separator(i)), v)
	}
	dst = append(dst, `],"Counts":`...)
	for i, n := range d.Counts {
		dst = strconv.AppendUint(append(dst, separator(i)), n, 10)
	}
	dst = jsontext.AppendFloat(append(dst, `],"Max":`...), d.Max)
	dst = jsontext.AppendFloat(append(dst, `,"Min":`...), d.Min)
	dst = strconv.AppendUint(append(dst, `,"Count":`...), d.Count, 10)
	return append(jsontext.AppendFloat(append(dst, `,"Sum":`...), d.Sum), '}')
}

// separator precedes the element i of an array.
func separator(i int) byte {
	if i == 0 {
		return '['
	}
	return ','
}

// appendDimensions appends the dimensions as members.
func appendDimensions(dst []byte, dimensions *attribute.Set) []byte {
	for iter := dimensions.Iter(); iter.Next(); {
		kv := iter.Attribute()
		dst = jsontext.AppendString(append(dst, ','), string(kv.Key))
		dst = jsontext.AppendString(append(dst, ':'), kv.Value.AsString())
	}
	return dst
}
