package otlp

import (
	"cmp"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
)

// request groups encoded items by resource and instrumentation scope. The fields of resources and scopes have the same
// numbers in the requests of all signals, and an item is field 2 of a scope. An encoder adds items to text, places
// them, and assembles the request from them.
//
// It keeps its memory from one request to the next, about as much as the largest request.
type request struct {
	limit     int       // bytes of the request, at most
	size      int       // bytes of the request so far, at most
	frame     int       // bytes of a group's tag and length, at most
	text      []byte    // the encoded items, one after another
	items     []itemRef // where each lies in text, and its scope
	scopes    []scopeGroup
	resources []resourceGroup
	byKey     map[scopeKey]int // index into scopes
	recent    scopeKey         // of the last item
}

// itemRef locates an item in request.text.
type itemRef struct{ begin, end, scope int }

// resourceGroup is a resource of the request.
type resourceGroup struct {
	key      resourceKey
	resource *resource.Resource
	size     int // of its own fields
}

// scopeGroup is an instrumentation scope of a resource.
type scopeGroup struct {
	scope    instrumentation.Scope
	resource int // index into request.resources
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

// ResourceBytes returns the largest size of a resource with one of its scopes in the last request, in bytes.
func (r *request) ResourceBytes() int {
	most := 0
	for i := range r.scopes {
		s := &r.scopes[i]
		most = max(most, r.resources[s.resource].size+s.size)
	}
	return most
}

// reset begins a request of limit bytes at most.
func (r *request) reset(limit int) {
	clear(r.scopes) // they keep the items' resources alive
	clear(r.resources)
	clear(r.byKey)
	r.text, r.items, r.scopes, r.resources, r.size = r.text[:0], r.items[:0], r.scopes[:0], r.resources[:0], 0
	r.limit, r.frame = limit, 1+uvarintLen(limit)
}

// sampleItems is how many items are encoded before the size of the others is estimated.
const sampleItems = 32

// expect grows text for all of n items if it holds sampleItems of them. Without it the buffer would grow step by step
// and copy its content each time.
func (r *request) expect(encoded, n int) {
	if encoded == sampleItems {
		r.text = slices.Grow(r.text, estimate(len(r.text), n, r.limit))
	}
}

// estimate returns how many more bytes a buffer needs that holds sampleItems of n items in size bytes, for a request of
// limit bytes at most.
func estimate(size, n, limit int) int {
	all := min(size/sampleItems*n, limit)
	return max(all+all/16-size, 0)
}

// room returns how many bytes are left for an item. Positive most is the most that it may have.
func (r *request) room(most int) int {
	room := r.limit - r.size
	if most > 0 {
		room = min(room, most)
	}
	return room
}

// place adds text[begin:] as an item of a scope of res, unless the item has more than a positive most bytes or the
// request would exceed its limit. Then the request is complete without it.
func (r *request) place(begin, most int, res *resource.Resource, scope *instrumentation.Scope) (fits bool) {
	size := len(r.text) - begin
	if most <= 0 || size <= most {
		before := r.mark()
		i := r.scopeOf(res, scope)
		r.size += framed(size)
		if r.size <= r.limit {
			r.items = append(r.items, itemRef{begin: begin, end: len(r.text), scope: i})
			return true
		}
		r.rollback(before)
	}
	r.text = r.text[:begin]
	return false
}

// mark is a state of a request that it can return to, if nothing is added after that.
type mark struct{ size, scopes, resources int }

func (r *request) mark() mark { return mark{r.size, len(r.scopes), len(r.resources)} }

func (r *request) rollback(m mark) {
	r.size, r.scopes, r.resources = m.size, r.scopes[:m.scopes], r.resources[:m.resources]
}

// scopeOf returns the index of a scope of res and adds it if it is new. It tries the scope of the previous item before
// the map.
func (r *request) scopeOf(res *resource.Resource, scope *instrumentation.Scope) int {
	key := scopeKey{
		resource: resourceKey{res.Equivalent(), res.SchemaURL()},
		name:     scope.Name, version: scope.Version, schemaURL: scope.SchemaURL,
		attributes: scope.Attributes.Equivalent(),
	}
	if len(r.scopes) > 0 && r.recent == key {
		return r.items[len(r.items)-1].scope
	}
	r.recent = key
	i, ok := r.byKey[key]
	if !ok {
		i = r.addScope(scope, r.resourceOf(key.resource, res))
		if r.byKey == nil {
			r.byKey = make(map[scopeKey]int)
		}
		r.byKey[key] = i
	}
	return i
}

// resourceOf returns the index of res and adds res if it is new. Most requests have one resource.
func (r *request) resourceOf(key resourceKey, res *resource.Resource) int {
	i := slices.IndexFunc(r.resources, func(g resourceGroup) bool { return g.key == key })
	if i >= 0 {
		return i
	}
	size := len(appendString(appendResource(r.text, res), 3, key.schemaURL)) - len(r.text)
	r.size += size + r.frame
	r.resources = append(r.resources, resourceGroup{key: key, resource: res, size: size})
	return len(r.resources) - 1
}

func (r *request) addScope(scope *instrumentation.Scope, res int) int {
	size := len(appendString(appendScope(r.text, scope), 3, scope.SchemaURL)) - len(r.text)
	r.size += size + r.frame
	r.scopes = append(r.scopes, scopeGroup{scope: *scope, resource: res, size: size})
	return len(r.scopes) - 1
}

// assemble appends the request to dst.
func (r *request) assemble(dst []byte) []byte {
	dst = slices.Grow(dst, r.size)
	slices.SortStableFunc(r.items, func(a, b itemRef) int {
		return cmp.Or(r.scopes[a.scope].resource-r.scopes[b.scope].resource, a.scope-b.scope)
	})
	for rest := r.items; len(rest) > 0; {
		g := r.scopes[rest[0].scope].resource
		var mark int
		dst, mark = open(dst, 1)
		dst = appendResource(dst, r.resources[g].resource)
		for len(rest) > 0 && r.scopes[rest[0].scope].resource == g {
			dst, rest = r.assembleScope(dst, rest)
		}
		dst = shut(appendString(dst, 3, r.resources[g].resource.SchemaURL()), mark)
	}
	return dst
}

// assembleScope appends the scope of the first of items with its items, and returns the other items.
func (r *request) assembleScope(dst []byte, items []itemRef) (out []byte, rest []itemRef) {
	scope := items[0].scope
	dst, mark := open(dst, 2)
	dst = appendScope(dst, &r.scopes[scope].scope)
	for len(items) > 0 && items[0].scope == scope {
		dst = appendBytes(dst, 2, r.text[items[0].begin:items[0].end])
		items = items[1:]
	}
	return shut(appendString(dst, 3, r.scopes[scope].scope.SchemaURL), mark), items
}

// reduceOne appends a request for one item alone, which encode appends with about target bytes. The item has at most a
// positive most bytes. If it cannot be reduced that far, nothing is appended.
func (r *request) reduceOne(
	dst []byte, limit, most int, res *resource.Resource, scope *instrumentation.Scope,
	encode func(dst []byte, target int) []byte,
) (out []byte, fits bool) {
	r.reset(limit)
	group := r.scopeOf(res, scope)
	r.size += r.frame
	most = r.room(most)
	target := most
	for tries := 0; tries < maxTries && target > 0; tries++ {
		r.text = encode(r.text[:0], target)
		size := len(r.text)
		if size <= most {
			r.items = append(r.items, itemRef{end: size, scope: group})
			r.size += size
			return r.assemble(dst), true
		}
		target = nextTarget(target, size, most, tries)
	}
	return dst, false
}

// nextTarget returns a smaller target for a reduction whose result has size instead of most bytes. It shrinks in
// proportion, for texts that grow, and in steps that double, for lengths that the estimate leaves out.
func nextTarget(target, size, most, tries int) int {
	next := int(float64(target) / float64(size) * float64(most))
	if step := (size - most) << tries; step < target/8 {
		next = min(next, target-step)
	}
	return next
}

// appendResource appends the resource of a ResourceSpans, ResourceMetrics or ResourceLogs.
func appendResource(dst []byte, res *resource.Resource) []byte {
	dst, mark := open(dst, 1)
	return shut(appendSet(dst, 1, res.Set()), mark)
}

// appendScope appends the scope of a ScopeSpans, ScopeMetrics or ScopeLogs. One that has at most a schema URL is left
// out.
func appendScope(dst []byte, scope *instrumentation.Scope) []byte {
	if scope.Name == "" && scope.Version == "" && scope.Attributes.Len() == 0 {
		return dst
	}
	dst, mark := open(dst, 1)
	dst = appendString(dst, 1, scope.Name)
	dst = appendString(dst, 2, scope.Version)
	return shut(appendSet(dst, 3, &scope.Attributes), mark)
}
