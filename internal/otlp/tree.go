package otlp

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// none ends a chain of indexes.
const none = -1

// tree holds the resources and scopes of one request and its size. A resource or scope without a span, because the span did not
// fit, has size 0 and is not written.
type tree struct {
	syntax    syntax
	text      []byte // the encoded fields of resources and scopes
	resources []resourceGroup
	scopes    []scopeGroup
	byKey     map[scopeKey]int // index into scopes
	recent    int              // the scope of the last span
	total     int              // bytes of the request so far
}

// group is the common part of ResourceSpans and ScopeSpans: a description with the members inside.
type group struct {
	begin, split, end int // in tree.text: the description [begin:end], with the members at split
	first, last       int // chain of members
	size              int // of the content, with its members; 0 while it has none
}

type resourceGroup struct {
	group
	key resourceKey
}

type scopeGroup struct {
	group
	key      scopeKey
	resource int // index into tree.resources
	next     int // the next scope of the same resource
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

func (t *tree) reset(s syntax) {
	t.syntax = s
	t.text, t.resources, t.scopes, t.total = t.text[:0], t.resources[:0], t.scopes[:0], 0
	clear(t.byKey)
}

// grow adds a member of n bytes in scope to the sizes. It reports false and changes nothing if the request would exceed limit.
func (t *tree) grow(scope, n, limit int) bool {
	s := &t.scopes[scope]
	r := &t.resources[s.resource]
	scopeSize := s.withMember(n, 0)
	resourceSize := r.withMember(t.syntax.framed(scopeSize), t.framed(&s.group))
	total := t.total - t.framed(&r.group) + t.syntax.framed(resourceSize)
	if total > limit {
		return false
	}
	s.size, r.size, t.total = scopeSize, resourceSize, total
	return true
}

// framed returns the size of g as a member; 0 while g has no member.
func (t *tree) framed(g *group) int {
	if g.size == 0 {
		return 0
	}
	return t.syntax.framed(g.size)
}

// withMember returns the size of g after a member of n bytes has replaced one of old bytes.
func (g *group) withMember(n, old int) int {
	size := g.size
	if size == 0 {
		size = g.end - g.begin
	}
	return size - old + n
}

// scopeOf returns the index of the scope of span and adds the scope if it is new. It tries the scope of the previous span before
// the map.
func (t *tree) scopeOf(span sdktrace.ReadOnlySpan) int {
	res, scope := span.Resource(), span.InstrumentationScope()
	key := scopeKey{
		resource: resourceKey{res.Equivalent(), res.SchemaURL()},
		name:     scope.Name, version: scope.Version, schemaURL: scope.SchemaURL,
		attributes: scope.Attributes.Equivalent(),
	}
	if len(t.scopes) > 0 && t.scopes[t.recent].key == key {
		return t.recent
	}
	i, ok := t.byKey[key]
	if !ok {
		i = t.addScope(key, scope, t.resourceOf(key.resource, res))
	}
	t.recent = i
	return i
}

// resourceOf returns the index of res and adds res if it is new. Most requests have one resource.
func (t *tree) resourceOf(key resourceKey, res *resource.Resource) int {
	for i := range t.resources {
		if t.resources[i].key == key {
			return i
		}
	}
	g := group{begin: len(t.text), first: none}
	t.text, g.split = t.syntax.resource(t.text, res)
	g.end = len(t.text)
	t.resources = append(t.resources, resourceGroup{group: g, key: key})
	return len(t.resources) - 1
}

func (t *tree) addScope(key scopeKey, scope instrumentation.Scope, res int) int {
	g := group{begin: len(t.text), first: none}
	t.text, g.split = t.syntax.scope(t.text, scope)
	g.end = len(t.text)
	i := len(t.scopes)
	t.scopes = append(t.scopes, scopeGroup{group: g, key: key, resource: res, next: none})
	if t.byKey == nil {
		t.byKey = make(map[scopeKey]int)
	}
	t.byKey[key] = i
	if r := &t.resources[res]; r.first == none {
		r.first, r.last = i, i
	} else {
		t.scopes[r.last].next = i
		r.last = i
	}
	return i
}
