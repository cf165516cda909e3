package trigger

import "reflect"

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
	start := space(v.raw, 0)
	if start == len(v.raw) || v.raw[start] != '"' {
		return nil
	}
	end := skipString(v.raw, start)
	if end > len(v.raw) {
		return nil
	}
	return v.in.unquote(v.raw[start+1 : end-1])
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

// bytes returns a string as bytes, which may share memory with the event.
func (v *value) bytes() []byte {
	if v.raw != nil {
		return v.rawString()
	}
	return []byte(v.text())
}
