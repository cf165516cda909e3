package trigger

import (
	"reflect"
	"strings"
)

// maxKeys bounds how many keys a carrier lists.
const maxKeys = 256

// carrier lets propagators read what stands in an event: one object or two, of which the first counts more. Keys are found
// as they are, else in any case: HTTP APIs lower the names of headers, REST APIs leave them as they were sent. It
// implements propagation.TextMapCarrier; Set does nothing, since an event is not written to. It is not safe for concurrent use.
type carrier struct {
	objects [2]value
	// inner is the member with an entry's value, where entries are objects, as message attributes are.
	inner [2]string
	// data says that the objects are a program's own and may be large: what may be a span context is copied from them at the
	// first use.
	data bool
}

// maxEntry bounds the values that are taken from data: that of W3C's baggage (W3C Baggage, "Limits").
const maxEntry = 8 << 10

// extract copies from JSON text what may be a span context, so that no key takes a walk over it.
func (c *carrier) extract() {
	if !c.data {
		return
	}
	c.data = false
	for i := range c.objects {
		object := &c.objects[i]
		if object.raw == nil {
			continue
		}
		in, strings := object.in, map[string]string{}
		walk := within(object.raw, '{')
		for key, ok := walk.key(); ok && len(strings) < maxKeys; key, ok = walk.key() {
			member := value{raw: walk.skip(), in: in}
			if s := member.quoted(); s != nil && len(s) <= maxEntry && len(key) <= maxEntry {
				strings[in.text(in.unquote(key))] = in.text(in.unquote(s))
			}
		}
		*object = in.value(reflect.ValueOf(strings))
	}
}

// Get returns the value of key, of several the list.
func (c *carrier) Get(key string) string {
	c.extract()
	for i := range c.objects {
		var found value
		c.objects[i].fold(field{name: key, into: &found})
		if c.inner[i] != "" {
			found = found.get(c.inner[i])
		}
		if s := found.joined(); s != "" {
			return s
		}
	}
	return ""
}

// Set does nothing.
func (*carrier) Set(string, string) {}

// Keys returns the keys of both objects.
func (c *carrier) Keys() []string {
	c.extract()
	keys := c.objects[0].sortedKeys(maxKeys)
	for _, key := range c.objects[1].sortedKeys(maxKeys) {
		if known := c.objects[0].get(key); !known.present() {
			keys = append(keys, key)
		}
	}
	return keys
}

// find finds several keys at once, and the entries under them.
func (c *carrier) find(fields ...field) {
	for i := range c.objects {
		c.objects[i].fold(fields...)
	}
}

// all returns the values of key, each for itself where there are lists.
func (c *carrier) all(key string) (values []string) {
	for i := len(c.objects) - 1; i >= 0; i-- {
		var found value
		c.objects[i].fold(field{name: key, into: &found})
		if s := found.text(); s != "" {
			return []string{s}
		}
		if found.each(maxKeys, func(element value) { values = append(values, element.text()) }) > 0 {
			return values
		}
	}
	return nil
}

// joined returns a string, or the strings of a list.
func (v *value) joined() string {
	if s := v.text(); s != "" || !v.present() {
		return s
	}
	list := make([]string, 0, 8)
	v.each(maxKeys, func(element value) { list = append(list, element.text()) })
	return strings.Join(list, ",")
}

// recordCarrier reads the headers of a Kafka record: a list of objects of one member each, whose value is a list of
// signed bytes. Of several headers of a name the last counts.
type recordCarrier struct{ headers value }

// Get returns the value of a header.
func (c *recordCarrier) Get(key string) (s string) {
	c.headers.each(maxKeys, func(header value) {
		var found value
		if header.fold(field{name: key, into: &found}); found.present() {
			s = found.signedBytes()
		}
	})
	return s
}

// Set does nothing.
func (*recordCarrier) Set(string, string) {}

// Keys returns the names of the headers.
func (c *recordCarrier) Keys() (keys []string) {
	c.headers.each(maxKeys, func(header value) { keys = append(keys, header.sortedKeys(1)...) })
	return keys
}

// maxHeader bounds the bytes that are read of a Kafka header.
const maxHeader = 8 << 10

// signedBytes returns a list of numbers from -128 to 127 as the bytes that they stand for.
func (v *value) signedBytes() string {
	if v.isBytes() {
		return string(v.decoded.Bytes())
	}
	var out []byte
	v.each(maxHeader, func(element value) {
		n, _ := element.integer()
		out = append(out, byte(n))
	})
	return string(out)
}
