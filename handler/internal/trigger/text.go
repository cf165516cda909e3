package trigger

import "reflect"

// text returns a string, empty for any other value. It does not share memory with JSON text.
func (v *value) text() string {
	switch {
	case v.raw != nil:
		return intern(v.rawString())
	case v.generic != nil:
		s, _ := v.generic.(string)
		return s
	case v.typed.Kind() == reflect.String:
		return v.typed.String()
	default:
		return ""
	}
}

// intern copies text, but for what requests often have.
func intern(text []byte) string {
	switch string(text) {
	case "GET":
		return "GET"
	case "POST":
		return "POST"
	case "PUT":
		return "PUT"
	case "DELETE":
		return "DELETE"
	case "HTTP/1.1":
		return "HTTP/1.1"
	case "https":
		return "https"
	case "443":
		return "443"
	}
	return string(text)
}

// rawString returns what a string in JSON text stands for; it may share memory with that.
func (v *value) rawString() []byte {
	if first(v.raw) != '"' {
		return nil
	}
	start := space(v.raw, 0)
	end := skipString(v.raw, start)
	if end > len(v.raw) {
		return nil
	}
	return unquote(v.raw[start+1 : end-1])
}

// isTypedMap reports whether v is a map of another type than map[string]any.
func (v *value) isTypedMap() bool { return v.typed.IsValid() && v.typed.Kind() == reflect.Map }

// isBytes reports whether v was decoded to bytes.
func (v *value) isBytes() bool {
	return v.typed.IsValid() && v.typed.Kind() == reflect.Slice && v.typed.Type().Elem().Kind() == reflect.Uint8
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
