package event

import (
	"bytes"
	"encoding/base64"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Text returns a string; empty for any other value.
func (v Value) Text() string {
	switch {
	case v.text != nil:
		return string(unquote(v.quoted()))
	case v.isString():
		return v.decoded.String()
	}
	return ""
}

// Is reports whether v is this string.
func (v Value) Is(text string) bool {
	if v.text != nil {
		return string(unquote(v.quoted())) == text
	}
	return v.Text() == text
}

// Mentions reports whether a string may have one of these words in it, which are written in ASCII. It also reports true
// for a string with an escape sequence that may be a letter.
func (v Value) Mentions(words ...string) bool {
	return slices.ContainsFunc(words, v.contains) || v.contains(`\u`)
}

func (v Value) contains(word string) bool {
	if v.text != nil {
		return bytes.Contains(v.text, []byte(word))
	}
	return strings.Contains(v.Text(), word)
}

// Embedded returns the value of the JSON text in a string.
func (v Value) Embedded() Value {
	if v.text != nil {
		return JSON(unquote(v.quoted()))
	}
	return JSON([]byte(v.Text()))
}

// Bytes returns bytes, which JSON text has in base64; nil for more than max of them and for any other value.
func (v Value) Bytes(max int) []byte {
	if v.isBytes() {
		if data := v.decoded.Bytes(); len(data) <= max {
			return data
		}
		return nil
	}
	text := unquote(v.quoted())
	if v.text == nil {
		text = []byte(v.Text())
	}
	if len(text) > base64.StdEncoding.EncodedLen(max) {
		return nil
	}
	data, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil || len(data) > max {
		return nil
	}
	return data
}

// ByteSlice returns a value that was decoded to bytes, and whether it was.
func (v Value) ByteSlice() ([]byte, bool) {
	if !v.isBytes() {
		return nil, false
	}
	return v.decoded.Bytes(), true
}

// IsString reports whether v is a string.
func (v Value) IsString() bool { return v.quoted() != nil || v.isString() }

// TextLen returns the length of a string in bytes.
func (v Value) TextLen() int {
	if v.text != nil {
		return len(unquote(v.quoted()))
	}
	return len(v.Text())
}

// Base64Len returns how many bytes a string in base64 stands for, padded or not.
func (v Value) Base64Len() int {
	if v.text != nil {
		return base64.RawStdEncoding.DecodedLen(len(bytes.TrimRight(unquote(v.quoted()), "=")))
	}
	return base64.RawStdEncoding.DecodedLen(len(strings.TrimRight(v.Text(), "=")))
}

// quoted returns the text between the quotes of a string in JSON text; nil for any other value.
func (v Value) quoted() []byte {
	if n := len(v.text); n > 1 && v.text[0] == '"' && v.text[n-1] == '"' {
		return v.text[1 : n-1]
	}
	return nil
}

// isString reports whether v was decoded to a string, which a number can also be.
func (v Value) isString() bool {
	return v.decoded.Kind() == reflect.String && v.decoded.Type() != numberType
}

// isBytes reports whether v was decoded to bytes.
func (v Value) isBytes() bool {
	return v.decoded.Kind() == reflect.Slice && v.decoded.Type().Elem().Kind() == reflect.Uint8
}

// unquote returns the string that s stands for, the text between the quotes of a JSON string, as encoding/json decodes it:
// invalid UTF-8 and unpaired surrogates become U+FFFD. The result may share memory with s.
func unquote(s []byte) []byte {
	if !utf8.Valid(s) {
		s = []byte(string(bytes.Runes(s))) // U+FFFD for each invalid byte
	}
	i := bytes.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	return unescape(s, i)
}
