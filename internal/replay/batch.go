package replay

import (
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	// maxSpans and maxBytes bound a request, before compression. AWS X-Ray takes 10,000 spans and 5 MB (AWS X-Ray
	// Developer Guide, "Use the OTLP endpoint").
	maxSpans = 2000
	maxBytes = 2 << 20
)

// entry is a span with its resource and scope.
type entry struct {
	resource *tracepb.ResourceSpans
	scope    *tracepb.ScopeSpans
	span     *tracepb.Span
}

// batch holds the spans of the next request.
type batch struct {
	entries []entry
	bytes   int // of the request, about
}

// cost returns how many bytes e adds to a request at most.
func (b *batch) cost(e entry) int {
	const frame = 16 // tags and lengths
	n := proto.Size(e.span) + frame
	last := entry{}
	if len(b.entries) > 0 {
		last = b.entries[len(b.entries)-1]
	}
	if last.resource != e.resource {
		n += proto.Size(e.resource.GetResource()) + len(e.resource.GetSchemaUrl()) + frame
	}
	if last.scope != e.scope {
		n += proto.Size(e.scope.GetScope()) + len(e.scope.GetSchemaUrl()) + frame
	}
	return n
}

// fits reports whether e may be added.
func (b *batch) fits(e entry) bool {
	return len(b.entries) == 0 || len(b.entries) < maxSpans && b.bytes+b.cost(e) <= maxBytes
}

func (b *batch) add(e entry) {
	b.bytes += b.cost(e)
	b.entries = append(b.entries, e)
}

// encode returns entries as TracesData, which has the wire format of an ExportTraceServiceRequest; the package of that type
// imports gRPC.
func encode(entries []entry) ([]byte, error) {
	data := new(tracepb.TracesData)
	var last entry
	var resource *tracepb.ResourceSpans
	var scope *tracepb.ScopeSpans
	for _, e := range entries {
		if e.resource != last.resource {
			resource = &tracepb.ResourceSpans{Resource: e.resource.GetResource(), SchemaUrl: e.resource.GetSchemaUrl()}
			data.ResourceSpans = append(data.ResourceSpans, resource)
			last.scope = nil
		}
		if e.scope != last.scope {
			scope = &tracepb.ScopeSpans{Scope: e.scope.GetScope(), SchemaUrl: e.scope.GetSchemaUrl()}
			resource.ScopeSpans = append(resource.ScopeSpans, scope)
		}
		scope.Spans = append(scope.Spans, e.span)
		last = e
	}
	return proto.Marshal(data)
}
