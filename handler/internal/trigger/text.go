package trigger

import (
	"bytes"
	"reflect"
)

// text returns a string, empty for any other value. It does not share memory with JSON text.
func (v *value) text() string {
	switch {
	case v.raw != nil:
		return v.in.text(v.rawString())
	case v.isString():
		return v.decoded.String()
	default:
		return ""
	}
}

// rawString returns what a string in JSON text stands for; it may share memory with that.
func (v *value) rawString() []byte {
	return v.in.unquote(v.quoted())
}

// quoted returns what stands between the quotes of a string in JSON text.
func (v *value) quoted() []byte {
	if n := len(v.raw); n > 1 && v.raw[0] == '"' && v.raw[n-1] == '"' {
		return v.raw[1 : n-1]
	}
	return nil
}

// scratch returns a string as bytes, which stay as they are until the next call. They may be invalid UTF-8.
func (v *value) scratch() []byte {
	if v.raw == nil {
		v.in.draft = append(v.in.draft[:0], v.text()...)
		return v.in.draft
	}
	s := v.quoted()
	if bytes.IndexByte(s, '\\') < 0 {
		return s
	}
	if cap(v.in.draft) < len(s)+word {
		v.in.draft = make([]byte, 2*len(s)+word)
	}
	v.in.draft = v.in.draft[:cap(v.in.draft)]
	return v.in.draft[:unescape(v.in.draft, s)]
}

// isString reports whether v was decoded to a string, which a number can have been.
func (v *value) isString() bool {
	return v.decoded.Kind() == reflect.String && v.decoded.Type() != numberType
}

// isMap reports whether v was decoded to a map.
func (v *value) isMap() bool { return v.decoded.Kind() == reflect.Map }

// isBytes reports whether v was decoded to bytes.
func (v *value) isBytes() bool {
	return v.decoded.Kind() == reflect.Slice && v.decoded.Type().Elem().Kind() == reflect.Uint8
}

// is compares without an allocation.
func (v *value) is(text string) bool {
	if v.raw != nil {
		return string(v.rawString()) == text
	}
	return v.text() == text
}
