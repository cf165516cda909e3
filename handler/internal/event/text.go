package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"slices"
	"unicode/utf8"
)

// Text returns a string; empty for any other value.
func (v Value) Text() string {
	switch {
	case v.begins('"'):
		return unquote(v.text)
	case v.IsString():
		return v.decoded.String()
	}
	return ""
}

// Mentions reports whether a string may have one of these words in it, which are written in ASCII. It also reports true
// for a string with an escape sequence that may be a letter.
func (v Value) Mentions(words ...string) bool {
	text := v.text
	if text == nil {
		text = []byte(v.Text())
	}
	return slices.ContainsFunc(append(words, `\u`), func(word string) bool { return bytes.Contains(text, []byte(word)) })
}

// Embedded returns the value of the JSON text in a string.
func (v Value) Embedded() Value { return JSON([]byte(v.Text())) }

// Bytes returns bytes, which JSON text has in base64 or as a list of numbers from -128 to 255; nil for more than max of
// them and for any other value.
func (v Value) Bytes(max int) (data []byte) {
	switch {
	case v.isBytes():
		data = v.decoded.Bytes()
	case v.IsList():
		v.Each(max+1, func(element Value) {
			n, _ := element.Integer()
			data = append(data, byte(n))
		})
	default:
		if text := v.Text(); len(text) <= base64.StdEncoding.EncodedLen(max) {
			data, _ = base64.StdEncoding.DecodeString(text)
		}
	}
	if len(data) > max {
		return nil
	}
	return data
}

// isBytes reports whether v was decoded to bytes.
func (v Value) isBytes() bool {
	return v.decoded.Kind() == reflect.Slice && v.decoded.Type().Elem().Kind() == reflect.Uint8
}

// unquote returns the string that JSON text stands for, empty if it is malformed.
func unquote(quoted []byte) string {
	if len(quoted) < 2 || quoted[len(quoted)-1] != '"' {
		return ""
	}
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var text string
	if json.Unmarshal(quoted, &text) != nil {
		return ""
	}
	return text
}
