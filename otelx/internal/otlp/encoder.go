package otlp

import sdktrace "go.opentelemetry.io/otel/sdk/trace"

// keepScratch is how many bytes of scratch memory an Encoder keeps between requests.
const keepScratch = 1 << 20

// Encoder writes spans as OTLP requests. It keeps the memory it needs from one request to the next, so that encoding
// allocates nothing in the steady state but for attributes that are slices or maps, and trace states, of which the API
// hands out copies only.
//
// The zero value is ready. An Encoder must not be used by several goroutines at once.
type Encoder struct{ gathering }

// AppendRequest appends to dst the protobuf bytes of an ExportTraceServiceRequest that holds the longest prefix of
// spans which fits in limit bytes, and returns the result with the length of that prefix. With n == 0 nothing is
// appended: spans is empty, or its first span is too large for any request of that limit.
//
// Spans are grouped by resource and instrumentation scope, in the order in which these first appear; inside a scope
// they keep their order. A nil span counts as sent and writes nothing. Strings that are not UTF-8 have each run of
// invalid bytes replaced by U+FFFD; arrays and maps nested deeper than 30 levels are sent as text. The spans are only
// read.
func (e *Encoder) AppendRequest(dst []byte, spans []sdktrace.ReadOnlySpan, limit int) (out []byte, n int) {
	n = e.gather(protobuf{}, spans, limit)
	out = e.assemble(dst)
	e.trim()
	return out, n
}

// gathering is the spans of one request, encoded, and the groups they belong to.
type gathering struct {
	body  []byte    // the spans, back to back
	spans []spanRef // where each lies in body, and in which scope
	tree  tree      // the resources and scopes they belong to
}

// spanRef is a span inside gathering.body.
type spanRef struct {
	begin, end int
	next       int // the next span of the same scope, -1 for none
}

// gather begins a request with as many of spans from the first as fit in limit, and returns their number.
func (g *gathering) gather(s syntax, spans []sdktrace.ReadOnlySpan, limit int) (n int) {
	g.body, g.spans = g.body[:0], g.spans[:0]
	g.tree.reset(s)
	for n < len(spans) && (spans[n] == nil || g.add(spans[n], limit)) {
		n++
	}
	return n
}

// add encodes span and enters it into the tree, unless the request would outgrow limit by it.
func (g *gathering) add(span sdktrace.ReadOnlySpan, limit int) bool {
	begin := len(g.body)
	g.body = g.tree.syntax.span(g.body, span)
	scope := g.tree.scopeOf(span)
	if !g.tree.grow(scope, g.tree.syntax.framed(len(g.body)-begin), limit) {
		return false
	}
	ref := len(g.spans)
	g.spans = append(g.spans, spanRef{begin: begin, end: len(g.body), next: none})
	s := &g.tree.scopes[scope]
	if s.first == none {
		s.first = ref
	} else {
		g.spans[s.last].next = ref
	}
	s.last = ref
	return true
}

// assemble appends the resources that gather has found, with all that is in them.
func (g *gathering) assemble(dst []byte) []byte {
	t := &g.tree
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
		span := g.body[g.spans[i].begin:g.spans[i].end]
		dst = append(t.syntax.header(dst, 2, len(span)), span...)
	}
	return append(t.syntax.closed(dst), t.text[s.split:s.end]...)
}

// trim lets go of scratch memory that an unusually large request has needed.
func (g *gathering) trim() {
	if cap(g.body) > keepScratch {
		g.body = nil
	}
}
