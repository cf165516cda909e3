package trigger

import (
	"cmp"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// maxMembers bounds how many members of an object are read: the first in the order of their names.
const maxMembers = 1024

// carrier lets propagators read an event: the members of up to two objects, of which the first takes precedence. A key
// is looked up in its own case first, then in any: HTTP APIs write the names of headers in lower case, REST APIs leave
// them as they were sent. carrier implements propagation.TextMapCarrier; Set does nothing. It is not safe for
// concurrent use.
type carrier struct {
	objects [2]event.Value
	text    func(event.Value) string // of a member's value
	members [2][]event.Member        // in the order of their names
	indexed bool
}

// carrierOf returns the carrier of a message's attributes or headers, nil if it has none.
func carrierOf(text func(event.Value) string, first, second event.Value) propagation.TextMapCarrier {
	if first.Empty() && second.Empty() {
		return nil
	}
	return &carrier{objects: [2]event.Value{first, second}, text: text}
}

// index finds the members at the first use, so that the cost of a key does not depend on the event's size.
func (c *carrier) index() {
	if c.indexed {
		return
	}
	c.indexed = true
	for i, object := range c.objects {
		c.members[i] = object.Members(maxMembers)
	}
}

// find returns the value of key in one of the objects.
func (c *carrier) find(i int, key string) event.Value {
	c.index()
	members := c.members[i]
	if at, ok := slices.BinarySearchFunc(members, key, compareName); ok {
		return members[at].Value
	}
	for _, m := range members {
		if len(m.Name) == len(key) && strings.EqualFold(m.Name, key) {
			return m.Value
		}
	}
	return event.Value{}
}

func compareName(m event.Member, name string) int { return strings.Compare(m.Name, name) }

// Get returns the value of key, empty if there is none.
func (c *carrier) Get(key string) string {
	for i := range c.objects {
		if s := c.text(c.find(i, key)); s != "" {
			return s
		}
	}
	return ""
}

// Set does nothing: an event is not written to.
func (*carrier) Set(string, string) {}

// Keys returns the names of all members.
func (c *carrier) Keys() []string {
	c.index()
	var keys []string
	for _, m := range slices.Concat(c.members[0], c.members[1]) {
		keys = append(keys, m.Name)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// headers is the carrier of HTTP headers. Lists take precedence: the other object has one value of each header. The
// lists of one header may be under several spellings of its name, as the client sent them. Together they are its value.
type headers struct{ carrier }

func headersOf(lists, single event.Value) *headers {
	return &headers{carrier{objects: [2]event.Value{lists, single}, text: headerText}}
}

// Get returns the value of a header, empty if there is none.
func (h *headers) Get(name string) string {
	return cmp.Or(joined(h.listed(name)), headerText(h.find(1, name)))
}

// listed returns the values that the lists have of a header.
func (h *headers) listed(name string) (values []string) {
	h.index()
	for _, m := range h.members[0] {
		if len(m.Name) == len(name) && strings.EqualFold(m.Name, name) {
			values = append(values, headerValues(m.Value)...)
		}
	}
	return values
}

// headerText returns a header: a string, or the strings of a list.
func headerText(v event.Value) string { return joined(headerValues(v)) }

// joined returns values of a header with commas between them (RFC 9110, section 5.3). Empty ones do not count (section
// 5.6.1).
func joined(values []string) string {
	values = slices.DeleteFunc(values, func(s string) bool { return strings.TrimSpace(s) == "" })
	return strings.Join(values, ",")
}

func headerValues(v event.Value) (values []string) {
	if s := v.Text(); s != "" {
		return []string{s}
	}
	v.Each(maxMembers, func(element event.Value) { values = append(values, element.Text()) })
	return values
}

// capture appends the headers that the program asked for.
func (h *headers) capture(attrs []attribute.KeyValue, prefix string, names []string) []attribute.KeyValue {
	for _, name := range names {
		values := h.listed(name)
		if len(values) == 0 {
			values = headerValues(h.find(1, name))
		}
		if len(values) > 0 {
			attrs = append(attrs, attribute.StringSlice(prefix+name, values))
		}
	}
	return attrs
}

// attributeText returns a message attribute: a string, or an object with a string, as SQS and SNS have it.
func attributeText(v event.Value) string {
	if v.IsObject() {
		return v.Get("stringValue").Or(v.Get("Value")).Text()
	}
	return v.Text()
}
