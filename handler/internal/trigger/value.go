package trigger

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// value is a value of an event, decoded or as JSON text. Neither is set where there is no such value, or it is null.
type value struct {
	decoded reflect.Value // no pointer and no interface
	raw     []byte        // without white space around it; of a list, more may follow
	in      *reading
}

var (
	rawMessageType = reflect.TypeFor[json.RawMessage]()
	genericType    = reflect.TypeFor[map[string]any]()
	numberType     = reflect.TypeFor[json.Number]()
	timeType       = reflect.TypeFor[time.Time]()
)

// value returns the value that v holds, leads to, or is the text of.
func (r *reading) value(v reflect.Value) value {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem() // invalid for nil
	}
	switch v.Kind() {
	case reflect.Invalid:
		return value{}
	case reflect.Map:
		if v.IsNil() {
			return value{}
		}
	case reflect.Slice:
		if v.IsNil() {
			return value{}
		}
		if v.Type() == rawMessageType {
			return r.raw(v.Bytes())
		}
	}
	return value{decoded: v, in: r}
}

// raw returns the value that text is.
func (r *reading) raw(text []byte) value {
	for text = text[space(text, 0):]; len(text) > 0 && text[len(text)-1] <= ' '; {
		text = text[:len(text)-1]
	}
	if len(text) == 0 || text[0] == 'n' {
		return value{}
	}
	return value{raw: text, in: r}
}

// present reports whether there is a value.
func (v *value) present() bool { return v.raw != nil || v.decoded.IsValid() }

// or returns v where it is there, else other.
func (v *value) or(other *value) *value {
	if v.present() {
		return v
	}
	return other
}

// isObject reports whether v has members.
func (v *value) isObject() bool {
	if v.raw != nil {
		return v.raw[0] == '{'
	}
	return v.decoded.Kind() == reflect.Struct || v.decoded.Kind() == reflect.Map
}

// member returns a member of a decoded object.
func (v *value) member(name string) value {
	switch v.decoded.Kind() {
	case reflect.Struct:
		return v.in.value(v.structField(v.in.shapes.of(v.decoded.Type())[name]))
	case reflect.Map:
		return v.in.value(v.entry(name))
	default:
		return value{}
	}
}

// structField returns the field at an index, which is empty where there is none.
func (v *value) structField(index []int) reflect.Value {
	switch len(index) {
	case 0:
		return reflect.Value{}
	case 1:
		return v.decoded.Field(index[0])
	}
	found, err := v.decoded.FieldByIndexErr(index)
	if err != nil || !found.CanInterface() { // it leads through a nil embedded pointer, or through what is not exported
		return reflect.Value{}
	}
	return found
}

// entry returns an entry of a map.
func (v *value) entry(name string) reflect.Value {
	switch m := v.decoded.Interface().(type) {
	case map[string]any:
		return reflect.ValueOf(m[name])
	case map[string]string:
		if s, ok := m[name]; ok {
			return v.in.entry(s)
		}
		return reflect.Value{}
	case map[string][]string:
		return v.in.list(m[name])
	}
	if v.decoded.Type().Key().Kind() != reflect.String {
		return reflect.Value{}
	}
	key := reflect.ValueOf(strings.Clone(name)) // a copy, or all that pick is asked for would have to be allocated
	return v.decoded.MapIndex(key.Convert(v.decoded.Type().Key()))
}

// get finds one member of an object.
func (v *value) get(name string) (found value) {
	v.pick(field{name: name, into: &found})
	return found
}

// leading finds a member of an object; in JSON text only the first one, without a look at its end.
func (v *value) leading(name string) value {
	if v.raw == nil {
		return v.member(name)
	}
	c := within(v.raw, '{')
	if key, ok := c.key(); !ok || string(key) != name {
		return value{}
	}
	return v.in.raw(c.s[c.i:])
}
