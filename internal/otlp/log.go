package otlp

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
)

// LogEncoder writes log records as requests. It keeps its memory from one request to the next. Encoding into a used
// buffer then allocates nothing, except for values that are slices or maps, of which the API returns copies.
//
// The zero value is ready. A LogEncoder must not be used by several goroutines at once.
type LogEncoder struct {
	request
	record logRecord
}

// logRecord is a log record whose parts can be cut. The setters of a sdklog.Record apply its limits.
type logRecord struct {
	*sdklog.Record
	eventName, severityText string
	body                    attribute.Value
	attributes              []attribute.KeyValue
	dropped                 int // attributes
}

// read makes r the parts of record.
func (r *logRecord) read(record *sdklog.Record) {
	r.Record, r.eventName, r.severityText, r.body = record, record.EventName(), record.SeverityText(), record.Body()
	r.attributes, r.dropped = r.attributes[:0], record.DroppedAttributes()
	record.WalkAttributes(func(kv attribute.KeyValue) bool {
		r.attributes = append(r.attributes, kv)
		return true
	})
}

// AppendRequest appends to dst the protobuf bytes of an ExportLogsServiceRequest that holds the longest prefix of
// records which fits in limit bytes, less up to two for each resource and scope. It returns the result with the length
// of that prefix. If n is 0, nothing is appended: records is empty, or its first record does not fit in limit.
//
// Records are grouped as spans are, and their texts and values are written in the same way.
func (e *LogEncoder) AppendRequest(dst []byte, records []sdklog.Record, limit int) (out []byte, n int) {
	e.reset(limit)
	for ; n < len(records); n++ {
		e.expect(n, len(records))
		if !e.add(&records[n]) {
			break
		}
	}
	e.forget()
	return e.assemble(dst), n
}

// add encodes record and adds it to the request, unless the request would exceed its limit.
func (e *LogEncoder) add(record *sdklog.Record) (fits bool) {
	e.record.read(record)
	if exceeds(e.record.size, e.room(0)) {
		return false
	}
	begin := len(e.text)
	e.text = appendRecord(e.text, &e.record)
	scope := record.InstrumentationScope()
	return e.place(begin, 0, record.Resource(), &scope)
}

// forget releases what the last record refers to.
func (e *LogEncoder) forget() {
	attributes := e.record.attributes[:cap(e.record.attributes)]
	clear(attributes)
	e.record = logRecord{attributes: attributes[:0]}
}

// AppendReduced is AppendRequest for record alone. If record is too large, it cuts the longest strings and, if that is
// not enough, removes the last attributes and counts them as dropped. An attribute stays if one before it is large
// enough. If the rest does not fit either, AppendReduced reports false and appends nothing.
func (e *LogEncoder) AppendReduced(dst []byte, record sdklog.Record, limit int) (out []byte, fits bool) {
	defer e.forget()
	scope := record.InstrumentationScope()
	return e.reduceOne(dst, limit, 0, record.Resource(), &scope, func(dst []byte, target int) []byte {
		e.record.read(&record)
		e.record.reduce(target)
		return appendRecord(dst, &e.record)
	})
}

// reduce removes parts of r until it has about size bytes, or more if that cannot be.
func (r *logRecord) reduce(size int) {
	if r.size(uncut) <= size {
		return
	}
	removed := make([]bool, len(r.attributes))
	parts := appendLastFirst(nil, removed, func(i int) int { return keyValueSize(r.attributes[i], leastText) })
	shed(parts, r.size(leastText)-size)
	r.attributes, r.dropped = without(removed, r.attributes, r.dropped)
	most := longestText(r.size, size)
	r.eventName, r.severityText = cutText(r.eventName, most), cutText(r.severityText, most)
	r.body, r.attributes = cutValue(r.body, most), cutKeyValues(r.attributes, most)
}

// size returns the size of r on the wire, as the functions in reduce.go do. The other fields may be absent.
func (r *logRecord) size(cut int) int {
	size := textSize(r.eventName, cut) + textSize(r.severityText, cut)
	return size + frame + valueSize(r.body, cut) + keyValuesSize(r.attributes, cut)
}

// appendRecord appends the content of a logs.v1.LogRecord, fields in ascending order.
func appendRecord(dst []byte, r *logRecord) []byte {
	dst = appendFixed64(dst, 1, unixNano(r.Timestamp()))
	dst = appendUint(dst, 2, severityNumber(r.Severity()))
	dst = appendString(dst, 3, r.severityText)
	dst = appendValue(dst, 5, r.body, 0)
	dst = appendKeyValues(dst, 6, r.attributes, 0)
	dst = appendCount(dst, 7, r.dropped)
	if flags := r.TraceFlags(); flags != 0 {
		dst = appendFixed32(dst, 8, uint32(flags))
	}
	if id := r.TraceID(); id.IsValid() {
		dst = appendBytes(dst, 9, id[:])
	}
	if id := r.SpanID(); id.IsValid() {
		dst = appendBytes(dst, 10, id[:])
	}
	dst = appendFixed64(dst, 11, unixNano(r.ObservedTimestamp()))
	return appendString(dst, 12, r.eventName)
}

// severityNumber returns the number of s in logs.v1.SeverityNumber, 0 for an unknown severity.
func severityNumber(s log.Severity) uint64 {
	if s < log.SeverityTrace || s > log.SeverityFatal4 {
		return 0
	}
	return uint64(s)
}
