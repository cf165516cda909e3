package replay

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// limits bound a request, before compression.
type limits struct{ items, bytes int }

// entry is a span, a log record, or a metric with one data point, with its resource and scope. All requests of OTLP have the
// same shape, so one type does for the signals.
type entry struct {
	resource *group
	scope    *group
	item     proto.Message
}

// group is a resource or a scope with its schema URL.
type group struct {
	message   proto.Message
	schemaURL string
}

func (g *group) size() int { return proto.Size(g.message) + len(g.schemaURL) }

// batch holds the items of the next request.
type batch struct {
	entries []entry
	bytes   int // of the request, about
}

// cost returns how many bytes e adds to a request at most.
func (b *batch) cost(e entry) int {
	const frame = 16 // tags and lengths
	n := proto.Size(e.item) + frame
	last := entry{}
	if len(b.entries) > 0 {
		last = b.entries[len(b.entries)-1]
	}
	if last.resource != e.resource {
		n += e.resource.size() + frame
	}
	if last.scope != e.scope {
		n += e.scope.size() + frame
	}
	return n
}

// fits reports whether e may be added.
func (b *batch) fits(e entry, most limits) bool {
	return len(b.entries) == 0 || len(b.entries) < most.items && b.bytes+b.cost(e) <= most.bytes
}

func (b *batch) add(e entry) {
	b.bytes += b.cost(e)
	b.entries = append(b.entries, e)
}

// The field numbers of a request, of ResourceSpans and ScopeSpans, and of the same messages of the other signals.
const (
	resourcesField = 1 // of the request
	groupField     = 1 // the resource or the scope
	contentsField  = 2 // scopes or items
	schemaURLField = 3
)

// encode returns entries as a request.
func encode(entries []entry) (body []byte, err error) {
	for len(entries) > 0 {
		n := run(entries, func(e entry) *group { return e.resource })
		var resource []byte
		for part := entries[:n]; len(part) > 0; {
			k := run(part, func(e entry) *group { return e.scope })
			var scope []byte
			for _, e := range part[:k] {
				if scope, err = appendMessage(scope, contentsField, e.item); err != nil {
					return nil, err
				}
			}
			if scope, err = appendGroup(scope, part[0].scope); err != nil {
				return nil, err
			}
			resource = protowire.AppendBytes(protowire.AppendTag(resource, contentsField, protowire.BytesType), scope)
			part = part[k:]
		}
		if resource, err = appendGroup(resource, entries[0].resource); err != nil {
			return nil, err
		}
		body = protowire.AppendBytes(protowire.AppendTag(body, resourcesField, protowire.BytesType), resource)
		entries = entries[n:]
	}
	return body, nil
}

// run returns how many entries at the beginning have the same group.
func run(entries []entry, of func(entry) *group) int {
	n := 1
	for n < len(entries) && of(entries[n]) == of(entries[0]) {
		n++
	}
	return n
}

func appendGroup(dst []byte, g *group) ([]byte, error) {
	dst, err := appendMessage(dst, groupField, g.message)
	if g.schemaURL != "" {
		dst = protowire.AppendString(protowire.AppendTag(dst, schemaURLField, protowire.BytesType), g.schemaURL)
	}
	return dst, err
}

// appendMessage appends a field. A message that is not set is left out.
func appendMessage(dst []byte, field protowire.Number, m proto.Message) ([]byte, error) {
	if !m.ProtoReflect().IsValid() {
		return dst, nil
	}
	text, err := proto.Marshal(m)
	return protowire.AppendBytes(protowire.AppendTag(dst, field, protowire.BytesType), text), err
}
