package trigger

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// value is a value of an event in any form in which it comes: decoded to structs, decoded to maps, or as JSON text. One of
// the three is set; none where there is no such value, or it is null.
type value struct {
	typed   reflect.Value // no pointer and no interface
	generic any           // as encoding/json fills an interface: map[string]any, []any, string, a number, bool
	raw     []byte        // begins with the value, white space before it aside; more may follow
	used    int           // how long the value in raw is, where a walk has come to its end; else 0
	shapes  *shapes
}

var (
	rawMessageType = reflect.TypeFor[json.RawMessage]()
	timeType       = reflect.TypeFor[time.Time]()
)

// typedValue returns the value that v holds, leads to, or is the text of.
func (s *shapes) typedValue(v reflect.Value) value {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem() // invalid for nil
	}
	if !v.IsValid() || (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.IsNil() {
		return value{}
	}
	if v.Kind() == reflect.Map {
		if m, ok := v.Interface().(map[string]any); ok {
			return s.genericValue(m)
		}
	}
	if v.Type() == rawMessageType {
		return s.rawValue(v.Bytes())
	}
	return value{typed: v, shapes: s}
}

// genericValue returns the value of something that encoding/json has decoded to an interface.
func (s *shapes) genericValue(v any) value {
	switch v := v.(type) {
	case nil:
		return value{}
	case map[string]any, []any, string, json.Number, float64, bool:
		return value{generic: v, shapes: s}
	default:
		return s.typedValue(reflect.ValueOf(v))
	}
}

// rawValue returns the value that text begins with.
func (s *shapes) rawValue(text []byte) value {
	if c := first(text); c == 0 || c == 'n' {
		return value{}
	}
	return value{raw: text, shapes: s}
}

// present reports whether there is a value.
func (v *value) present() bool { return v.raw != nil || v.generic != nil || v.typed.IsValid() }

// isObject reports whether v has members.
func (v *value) isObject() bool {
	switch {
	case v.raw != nil:
		return first(v.raw) == '{'
	case v.generic != nil:
		_, ok := v.generic.(map[string]any)
		return ok
	default:
		return v.typed.Kind() == reflect.Struct || v.typed.Kind() == reflect.Map
	}
}

// pick finds several members of an object at once. What is not found stays as it is.
func (v *value) pick(fields ...field) { v.pickUntil(nil, fields...) }

// pickUntil is pick, but a walk over JSON text ends with a key for which stop, if there is one, returns true.
func (v *value) pickUntil(stop func(key []byte) bool, fields ...field) {
	switch {
	case v.raw != nil:
		v.pickRaw(stop, fields)
	case v.generic != nil:
		m, _ := v.generic.(map[string]any)
		for i := range fields {
			*fields[i].into = v.shapes.genericValue(m[fields[i].name])
		}
	case v.typed.Kind() == reflect.Struct:
		shape := v.shapes.of(v.typed.Type())
		for i := range fields {
			v.pickField(shape, fields[i])
		}
	case v.typed.Kind() == reflect.Map:
		for i := range fields {
			*fields[i].into = v.entry(fields[i].name)
		}
	}
}

// field asks pick for a member of an object.
type field struct {
	name string
	into *value
}

// pickRaw is one walk. Of members of the same name the last counts, as it does for encoding/json.
func (v *value) pickRaw(stop func(key []byte) bool, fields []field) {
	v.used = membersUntil(v.raw, stop, func(key, val []byte) bool {
		for i := range fields {
			if keyIs(key, fields[i].name) {
				*fields[i].into = v.shapes.rawValue(val)
			}
		}
		return true
	})
}

func (v *value) pickField(shape shape, f field) {
	index, ok := shape[f.name]
	if !ok {
		return
	}
	if len(index) == 1 {
		*f.into = v.shapes.typedValue(v.typed.Field(index[0]))
		return
	}
	found, err := v.typed.FieldByIndexErr(index)
	if err != nil || !found.CanInterface() { // it leads through a nil embedded pointer, or through what is not exported
		return
	}
	*f.into = v.shapes.typedValue(found)
}

// entry returns an entry of a map of any other type than map[string]any.
func (v *value) entry(name string) value {
	if v.typed.Type().Key().Kind() != reflect.String {
		return value{}
	}
	switch m := v.typed.Interface().(type) {
	case map[string]string:
		if s, ok := m[name]; ok {
			return value{generic: s, shapes: v.shapes}
		}
		return value{}
	case map[string][]string:
		return v.shapes.typedValue(reflect.ValueOf(m[name]))
	}
	key := reflect.ValueOf(strings.Clone(name)) // a copy, or all that pick is asked for would have to be allocated
	return v.shapes.typedValue(v.typed.MapIndex(key.Convert(v.typed.Type().Key())))
}

// get finds one member of an object.
func (v *value) get(name string) (found value) {
	v.pick(field{name, &found})
	return found
}

// keyIs reports whether a member's key, as it is written, is name.
func keyIs(key []byte, name string) bool {
	return string(key) == name || len(key) > len(name) && escaped(key) && string(unquote(key)) == name
}

// escaped reports whether a string's text is not the string itself.
func escaped(s []byte) bool {
	for _, c := range s {
		if c == '\\' || c >= 0x80 {
			return true
		}
	}
	return false
}

// leading finds a member of an object; in JSON text only the first one, without a look at its end.
func (v *value) leading(name string) (found value) {
	if v.raw == nil {
		v.pick(field{name, &found})
		return found
	}
	start := space(v.raw, 0)
	if start = space(v.raw, start+1); start >= len(v.raw) || v.raw[start] != '"' {
		return found
	}
	end := skipString(v.raw, start)
	colon := space(v.raw, end)
	if colon >= len(v.raw) || v.raw[colon] != ':' || string(v.raw[start+1:end-1]) != name {
		return found
	}
	return v.shapes.rawValue(v.raw[colon+1:])
}
