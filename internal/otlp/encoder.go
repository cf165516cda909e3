package otlp

import (
	"cmp"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Encoder writes spans as OTLP requests. It keeps its memory from one request to the next, about as much as the largest request.
// Encoding into a used buffer then allocates nothing, except for attributes that are slices or maps and for trace states, of
// which the API returns copies.
//
// The zero value is ready. An Encoder must not be used by several goroutines at once.
type Encoder struct {
	// MaxSpan is how many bytes the encoding of a span may have; 0 is no limit. It must not change.
	MaxSpan int

	text      []byte    // the encoded spans, one after another
	spans     []spanRef // where each lies in text, and its scope
	scopes    []scopeGroup
	resources []resourceGroup
	byKey     map[scopeKey]int // index into scopes
	recent    scopeKey         // of the last span
	size      int              // bytes of the request so far, at most
	frame     int              // bytes of a group's tag and length, at most
}

// spanRef locates a span in Encoder.text.
type spanRef struct{ begin, end, scope int }

// resourceGroup is a resource of the request.
type resourceGroup struct {
	key      resourceKey
	resource *resource.Resource
	size     int // of its own fields
}

// scopeGroup is an instrumentation scope of a resource.
type scopeGroup struct {
	scope    instrumentation.Scope
	resource int // index into Encoder.resources
	size     int // of its own fields
}

type resourceKey struct {
	attributes attribute.Distinct
	schemaURL  string
}

type scopeKey struct {
	resource                 resourceKey
	name, version, schemaURL string
	attributes               attribute.Distinct
}

// AppendRequest appends to dst the protobuf bytes of an ExportTraceServiceRequest that holds the longest prefix of
// spans which fits in limit bytes, less up to two for each resource and scope. It returns the result with the length of that
// prefix. If n is 0, nothing is appended: spans is empty, or its first span is larger than MaxSpan or does not fit in limit.
//
// Spans are grouped by resource and instrumentation scope, in the order in which these first appear; inside a scope
// they keep their order. A nil span counts as sent and writes nothing. In strings that are not UTF-8 each run of
// invalid bytes becomes U+FFFD. Arrays and maps nested deeper than 30 levels are sent as text.
func (e *Encoder) AppendRequest(dst []byte, spans []sdktrace.ReadOnlySpan, limit int) (out []byte, n int) {
	e.reset(limit)
	for ; n < len(spans); n++ {
		if n == sampleSpans {
			e.text = slices.Grow(e.text, estimate(len(e.text), len(spans), limit))
		}
		if spans[n] != nil && !e.add(spans[n], limit) {
			break
		}
	}
	return e.assemble(dst), n
}

// ResourceBytes returns the largest size of a resource with one of its scopes in the last request, in bytes.
func (e *Encoder) ResourceBytes() int {
	most := 0
	for i := range e.scopes {
		s := &e.scopes[i]
		most = max(most, e.resources[s.resource].size+s.size)
	}
	return most
}

func (e *Encoder) reset(limit int) {
	clear(e.scopes) // they keep spans' resources alive
	clear(e.resources)
	clear(e.byKey)
	e.text, e.spans, e.scopes, e.resources, e.size = e.text[:0], e.spans[:0], e.scopes[:0], e.resources[:0], 0
	e.frame = 1 + uvarintLen(limit)
}

// sampleSpans is how many spans are encoded before the size of the others is estimated.
const sampleSpans = 32

// estimate returns how many more bytes a buffer needs that holds sampleSpans of n spans in size bytes, for a request of limit
// bytes at most. Without it the buffer would grow step by step and copy its content each time.
func estimate(size, n, limit int) int {
	all := min(size/sampleSpans*n, limit)
	return max(all+all/16-size, 0)
}

// add encodes span and adds it to the request, unless the request would exceed limit.
func (e *Encoder) add(span sdktrace.ReadOnlySpan, limit int) (fits bool) {
	most := limit - e.size
	if e.MaxSpan > 0 {
		most = min(most, e.MaxSpan)
	}
	if spanSize(span, uncut) > most {
		return false
	}
	begin := len(e.text)
	e.text = appendSpan(e.text, span)
	size := len(e.text) - begin
	if e.MaxSpan <= 0 || size <= e.MaxSpan {
		before, scopes, resources := e.size, len(e.scopes), len(e.resources)
		scope := e.scopeOf(span)
		e.size += framed(size)
		if e.size <= limit {
			e.spans = append(e.spans, spanRef{begin: begin, end: len(e.text), scope: scope})
			return true
		}
		e.size, e.scopes, e.resources = before, e.scopes[:scopes], e.resources[:resources] // the request ends here
	}
	e.text = e.text[:begin]
	return false
}

// scopeOf returns the index of the scope of span and adds the scope if it is new. It tries the scope of the previous span before
// the map.
func (e *Encoder) scopeOf(span sdktrace.ReadOnlySpan) int {
	res, scope := span.Resource(), span.InstrumentationScope()
	key := scopeKey{
		resource: resourceKey{res.Equivalent(), res.SchemaURL()},
		name:     scope.Name, version: scope.Version, schemaURL: scope.SchemaURL,
		attributes: scope.Attributes.Equivalent(),
	}
	if len(e.scopes) > 0 && e.recent == key {
		return e.spans[len(e.spans)-1].scope
	}
	e.recent = key
	i, ok := e.byKey[key]
	if !ok {
		i = e.addScope(scope, e.resourceOf(key.resource, res))
		if e.byKey == nil {
			e.byKey = make(map[scopeKey]int)
		}
		e.byKey[key] = i
	}
	return i
}

// resourceOf returns the index of res and adds res if it is new. Most requests have one resource.
func (e *Encoder) resourceOf(key resourceKey, res *resource.Resource) int {
	i := slices.IndexFunc(e.resources, func(r resourceGroup) bool { return r.key == key })
	if i >= 0 {
		return i
	}
	size := len(appendString(appendResource(e.text, res), 3, key.schemaURL)) - len(e.text)
	e.size += size + e.frame
	e.resources = append(e.resources, resourceGroup{key: key, resource: res, size: size})
	return len(e.resources) - 1
}

func (e *Encoder) addScope(scope instrumentation.Scope, res int) int {
	size := len(appendString(appendScope(e.text, scope), 3, scope.SchemaURL)) - len(e.text)
	e.size += size + e.frame
	e.scopes = append(e.scopes, scopeGroup{scope: scope, resource: res, size: size})
	return len(e.scopes) - 1
}

// assemble appends the request to dst.
func (e *Encoder) assemble(dst []byte) []byte {
	dst = slices.Grow(dst, e.size)
	slices.SortStableFunc(e.spans, func(a, b spanRef) int {
		return cmp.Or(e.scopes[a.scope].resource-e.scopes[b.scope].resource, a.scope-b.scope)
	})
	for rest := e.spans; len(rest) > 0; {
		r := e.scopes[rest[0].scope].resource
		var mark int
		dst, mark = open(dst, 1)
		dst = appendResource(dst, e.resources[r].resource)
		for len(rest) > 0 && e.scopes[rest[0].scope].resource == r {
			dst, rest = e.assembleScope(dst, rest)
		}
		dst = shut(appendString(dst, 3, e.resources[r].resource.SchemaURL()), mark)
	}
	return dst
}

// assembleScope appends the scope of the first of spans with its spans, and returns the other spans.
func (e *Encoder) assembleScope(dst []byte, spans []spanRef) (out []byte, rest []spanRef) {
	scope := spans[0].scope
	dst, mark := open(dst, 2)
	dst = appendScope(dst, e.scopes[scope].scope)
	for len(spans) > 0 && spans[0].scope == scope {
		dst = appendBytes(dst, 2, e.text[spans[0].begin:spans[0].end])
		spans = spans[1:]
	}
	return shut(appendString(dst, 3, e.scopes[scope].scope.SchemaURL), mark), spans
}
