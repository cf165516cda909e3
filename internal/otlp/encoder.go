package otlp

import (
	"slices"

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

	gathering
}

// ResourceBytes returns the largest size of a resource with one of its scopes in the last request, in bytes.
func (e *Encoder) ResourceBytes() int {
	most, t := 0, &e.tree
	for i := range t.scopes {
		if s := &t.scopes[i]; s.size > 0 {
			r := &t.resources[s.resource]
			most = max(most, r.end-r.begin+s.end-s.begin)
		}
	}
	return most
}

// AppendRequest appends to dst the protobuf bytes of an ExportTraceServiceRequest that holds the longest prefix of
// spans which fits in limit bytes, and returns the result with the length of that prefix. If n is 0, nothing is
// appended: spans is empty, or its first span is larger than MaxSpan or does not fit in limit.
//
// Spans are grouped by resource and instrumentation scope, in the order in which these first appear; inside a scope
// they keep their order. A nil span counts as sent and writes nothing. In strings that are not UTF-8 each run of
// invalid bytes becomes U+FFFD. Arrays and maps nested deeper than 30 levels are sent as text.
func (e *Encoder) AppendRequest(dst []byte, spans []sdktrace.ReadOnlySpan, limit int) (out []byte, n int) {
	e.most = e.MaxSpan
	n = e.gather(protobuf{}, spans, limit)
	return e.assemble(dst), n
}

// gathering holds the encoded spans of one request and the groups they belong to.
type gathering struct {
	most  int       // bytes of a span; 0: no limit
	text  []byte    // the spans, back to back
	spans []spanRef // where each lies in text, and in which scope
	tree  tree      // the resources and scopes they belong to
}

// spanRef locates a span in gathering.text.
type spanRef struct {
	begin, end int
	next       int // the next span of the same scope, -1 for none
}

// gather begins a request. It encodes the longest prefix of spans that fits in limit and returns its length.
func (g *gathering) gather(s syntax, spans []sdktrace.ReadOnlySpan, limit int) (n int) {
	g.text, g.spans = g.text[:0], g.spans[:0]
	g.tree.reset(s)
	for fits := true; n < len(spans) && fits; {
		if n == sampleSpans {
			g.text = slices.Grow(g.text, estimate(len(g.text), len(spans), limit))
		}
		if spans[n] != nil {
			fits = g.add(spans[n], limit)
		}
		if fits {
			n++
		}
	}
	return n
}

// sampleSpans is how many spans are encoded before the size of the others is estimated.
const sampleSpans = 32

// estimate returns how many more bytes a buffer needs that holds sampleSpans of n spans in size bytes, for a request of limit
// bytes at most. Without it the buffer would grow step by step and copy its content each time.
func estimate(size, n, limit int) int {
	all := min(size/sampleSpans*n, limit)
	return max(all+all/16-size, 0)
}

// add encodes span and adds it to the tree, unless the request would exceed limit.
func (g *gathering) add(span sdktrace.ReadOnlySpan, limit int) (fits bool) {
	begin := len(g.text)
	g.text = g.tree.syntax.span(g.text, span)
	size := len(g.text) - begin
	fits = g.most <= 0 || size <= g.most
	scope := 0
	if fits {
		scope = g.tree.scopeOf(span)
		fits = g.tree.grow(scope, g.tree.syntax.framed(size), limit)
	}
	if !fits {
		g.text = g.text[:begin]
		return false
	}
	ref := len(g.spans)
	g.spans = append(g.spans, spanRef{begin: begin, end: len(g.text), next: none})
	s := &g.tree.scopes[scope]
	if s.first == none {
		s.first = ref
	} else {
		g.spans[s.last].next = ref
	}
	s.last = ref
	return true
}

// assemble appends to dst the resources that gather has found, with their scopes and spans.
func (g *gathering) assemble(dst []byte) []byte {
	t := &g.tree
	dst = slices.Grow(dst, t.total)
	for i := range t.resources {
		r := &t.resources[i]
		if r.size == 0 {
			continue
		}
		dst = t.syntax.header(dst, 1, r.size)
		dst = append(dst, t.text[r.begin:r.split]...)
		for s := r.first; s != none; s = t.scopes[s].next {
			dst = g.assembleScope(dst, &t.scopes[s])
		}
		dst = append(t.syntax.closed(dst), t.text[r.split:r.end]...)
	}
	return dst
}

func (g *gathering) assembleScope(dst []byte, s *scopeGroup) []byte {
	if s.size == 0 {
		return dst
	}
	t := &g.tree
	dst = t.syntax.header(dst, 2, s.size)
	dst = append(dst, t.text[s.begin:s.split]...)
	for i := s.first; i != none; i = g.spans[i].next {
		span := g.text[g.spans[i].begin:g.spans[i].end]
		dst = append(t.syntax.header(dst, 2, len(span)), span...)
	}
	return append(t.syntax.closed(dst), t.text[s.split:s.end]...)
}
