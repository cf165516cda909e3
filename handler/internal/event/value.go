// Package event reads the members of an event in any form: a struct, a map or JSON text. Every form of one event gives
// the same values. Members have the names of the JSON text, also in structs.
//
// JSON text is scanned; encoding/json decodes only strings with escape sequences. The package expects text that
// encoding/json accepts. Of other text it finds fewer or other values, without a panic, in a time that grows only with
// the length of the text.
package event

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// Value is one value of an event. It is absent if the event has no such value, or null. A Value shares memory with the
// event; strings that its methods return do not share memory with JSON text.
type Value struct {
	decoded reflect.Value // neither a pointer nor an interface
	text    []byte        // JSON text without surrounding white space
}

// RawMessageType is the type of JSON text.
var RawMessageType = reflect.TypeFor[json.RawMessage]()

var numberType = reflect.TypeFor[json.Number]()

// Of returns the value that v holds or points to. A json.RawMessage is JSON text.
func Of(v reflect.Value) Value {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch {
	case !v.IsValid(), (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.IsNil():
		return Value{}
	case v.Type() == RawMessageType:
		return JSON(v.Bytes())
	}
	return Value{decoded: v}
}

// JSON returns the value of JSON text.
func JSON(text []byte) Value {
	text = bytes.TrimSpace(text)
	if len(text) == 0 || text[0] == 'n' {
		return Value{}
	}
	return Value{text: text}
}

// Present reports whether there is a value.
func (v Value) Present() bool { return v.text != nil || v.decoded.IsValid() }

// Or returns v, or other if v is absent.
func (v Value) Or(other Value) Value {
	if v.Present() {
		return v
	}
	return other
}

// begins reports whether v is JSON text that begins with c.
func (v Value) begins(c byte) bool { return v.text != nil && v.text[0] == c }

// IsObject reports whether v has members.
func (v Value) IsObject() bool {
	return v.begins('{') || v.decoded.Kind() == reflect.Struct || v.decoded.Kind() == reflect.Map
}

// IsList reports whether v has elements. Bytes are not a list.
func (v Value) IsList() bool {
	return v.begins('[') || v.decoded.Kind() == reflect.Slice && !v.isBytes()
}

// IsString reports whether v is a string.
func (v Value) IsString() bool {
	return v.begins('"') || v.decoded.Kind() == reflect.String && v.decoded.Type() != numberType
}

// IsTrue reports whether v is the bool true.
func (v Value) IsTrue() bool {
	return v.begins('t') || v.decoded.Kind() == reflect.Bool && v.decoded.Bool()
}

// Empty reports whether v is absent, or a map or a list with nothing in it.
func (v Value) Empty() bool {
	switch {
	case v.text != nil:
		c := inside(v.text)
		return !c.next()
	case v.decoded.Kind() == reflect.Map, v.decoded.Kind() == reflect.Slice:
		return v.decoded.Len() == 0
	}
	return !v.decoded.IsValid()
}

// Each calls f with the first max elements of a list. It returns how many elements there are.
func (v Value) Each(max int, f func(element Value)) (n int) {
	switch {
	case v.begins('['):
		for c := inside(v.text); c.next(); n++ {
			if text := c.value(); n < max {
				f(JSON(text))
			}
		}
	case v.IsList():
		n = v.decoded.Len()
		for i := range min(max, n) {
			f(Of(v.decoded.Index(i)))
		}
	}
	return n
}

// First returns the first element of a list.
func (v Value) First() Value {
	switch {
	case v.begins('['):
		if c := inside(v.text); c.next() {
			return JSON(c.value())
		}
	case v.IsList() && v.decoded.Len() > 0:
		return Of(v.decoded.Index(0))
	}
	return Value{}
}
