package otlp

import (
	"encoding/binary"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// keepScratch is how many bytes of scratch memory an Encoder keeps between requests.
const keepScratch = 1 << 20

// Encoder writes spans as OTLP requests. It keeps the memory it needs from one request to the next, so that encoding
// allocates nothing in the steady state but for attributes that are slices or maps, and trace states, of which the API
// hands out copies only.
//
// The zero value is ready. An Encoder must not be used by several goroutines at once.
type Encoder struct {
	body  []byte    // the spans of the request, encoded, back to back
	spans []spanRef // where each lies in body, and in which scope
	tree  tree      // the resources and scopes they belong to
}

// spanRef is a span inside Encoder.body.
type spanRef struct {
	begin, end int
	next       int // the next span of the same scope, -1 for none
}

// AppendRequest appends to dst the protobuf bytes of an ExportTraceServiceRequest that holds the longest prefix of
// spans which fits in limit bytes, and returns the result with the length of that prefix. With n == 0 nothing is
// appended: spans is empty, or its first span is too large for any request of that limit.
//
// Spans are grouped by resource and instrumentation scope, in the order in which these first appear; inside a scope
// they keep their order. A nil span counts as sent and writes nothing. Strings that are not UTF-8 have each run of
// invalid bytes replaced by U+FFFD; arrays and maps nested deeper than 30 levels are sent as text. The spans are only
// read.
func (e *Encoder) AppendRequest(dst []byte, spans []sdktrace.ReadOnlySpan, limit int) (out []byte, n int) {
	e.body, e.spans = e.body[:0], e.spans[:0]
	e.tree.reset()
	for n < len(spans) && (spans[n] == nil || e.add(spans[n], limit)) {
		n++
	}
	out = e.assemble(dst)
	e.trim()
	return out, n
}

// add encodes span and enters it into the tree, unless the request would outgrow limit by it.
func (e *Encoder) add(span sdktrace.ReadOnlySpan, limit int) bool {
	begin := len(e.body)
	e.body = appendSpan(e.body, span)
	scope := e.tree.scopeOf(span)
	if !e.tree.grow(scope, framed(len(e.body)-begin), limit) {
		return false
	}
	ref := len(e.spans)
	e.spans = append(e.spans, spanRef{begin: begin, end: len(e.body), next: none})
	s := &e.tree.scopes[scope]
	if s.first == none {
		s.first = ref
	} else {
		e.spans[s.last].next = ref
	}
	s.last = ref
	return true
}

// assemble appends what add has gathered as one request.
func (e *Encoder) assemble(dst []byte) []byte {
	t := &e.tree
	for i := range t.resources {
		r := &t.resources[i]
		if r.size == 0 {
			continue
		}
		dst = appendHeader(dst, 1, r.size)
		dst = append(dst, t.text[r.begin:r.split]...)
		for s := r.first; s != none; s = t.scopes[s].next {
			dst = e.assembleScope(dst, &t.scopes[s])
		}
		dst = append(dst, t.text[r.split:r.end]...)
	}
	return dst
}

func (e *Encoder) assembleScope(dst []byte, s *scopeGroup) []byte {
	if s.size == 0 {
		return dst
	}
	dst = appendHeader(dst, 2, s.size)
	dst = append(dst, e.tree.text[s.begin:s.split]...)
	for i := s.first; i != none; i = e.spans[i].next {
		dst = appendBytes(dst, 2, e.body[e.spans[i].begin:e.spans[i].end])
	}
	return append(dst, e.tree.text[s.split:s.end]...)
}

// trim lets go of scratch memory that an unusually large request has needed.
func (e *Encoder) trim() {
	if cap(e.body) > keepScratch {
		e.body = nil
	}
}

// appendHeader begins a length-delimited field with size bytes of content.
func appendHeader(dst []byte, field, size int) []byte {
	return binary.AppendUvarint(appendTag(dst, field, wireBytes), uint64(size))
}
