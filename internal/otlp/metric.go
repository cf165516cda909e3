package otlp

import (
	"encoding/binary"
	"slices"
)

// MetricEncoder writes points as requests. It keeps its memory from one request to the next, and encoding into a used
// buffer allocates nothing.
//
// The zero value is ready. A MetricEncoder must not be used by several goroutines at once.
type MetricEncoder struct{ request }

// AppendRequest appends to dst the protobuf bytes of an ExportMetricsServiceRequest that holds the longest prefix of
// points which fits in limit bytes, less up to two for each resource and scope. It returns the result with the length
// of that prefix. If n is 0, nothing is appended: points is empty, or its first point does not fit in limit.
//
// Adjacent points of one metric of one collection share a Metric. These are grouped by resource and instrumentation
// scope, in the order in which the groups first appear. A zero Point counts as sent and writes nothing.
func (e *MetricEncoder) AppendRequest(dst []byte, points []Point, limit int) (out []byte, n int) {
	e.reset(limit)
	for n < len(points) {
		if points[n].point == nil {
			n++
			continue
		}
		taken := e.add(points[n:])
		if taken == 0 {
			break
		}
		n += taken
	}
	return e.assemble(dst), n
}

// AppendReduced is AppendRequest for p alone. It leaves p whole.
func (e *MetricEncoder) AppendReduced(dst []byte, p Point, limit int) (out []byte, fits bool) {
	out, n := e.AppendRequest(dst, []Point{p}, limit)
	return out, n == 1
}

// add adds a Metric with the first of points and those after it that belong to it and fit, and returns how many.
func (e *MetricEncoder) add(points []Point) int {
	m := points[0].metric
	before := e.mark()
	scope := e.scopeOf(m.resource, &m.scope)
	n, data := 0, len(m.tail)
	for n < len(points) && points[n].point != nil && points[n].metric == m {
		more := data + framed(len(points[n].data))
		if e.size+framed(len(m.head)+framed(more)) > e.limit {
			break
		}
		n, data = n+1, more
	}
	if n == 0 {
		e.rollback(before)
		return 0
	}
	e.size += framed(len(m.head) + framed(data))
	begin := len(e.text)
	e.text = slices.Grow(e.text, len(m.head)+framed(data))
	e.text = append(e.text, m.head...)
	e.text = binary.AppendUvarint(appendTag(e.text, m.kind, wireBytes), uint64(data))
	for _, p := range points[:n] {
		e.text = appendBytes(e.text, 1, p.data)
	}
	e.text = append(e.text, m.tail...)
	e.items = append(e.items, itemRef{begin: begin, end: len(e.text), scope: scope})
	return n
}
