package event

import (
	"bytes"
	"encoding/base64"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Text returns a string; empty for any other value.
func (v Value) Text() string {
	switch {
	case v.begins('"'):
		return string(unquote(v.text))
	case v.IsString():
		return v.decoded.String()
	}
	return ""
}

// Mentions reports whether a string may have one of these words in it, which are written in ASCII. It also reports true for
// a string with an escape sequence that may be a letter.
func (v Value) Mentions(words ...string) bool {
	text := v.text
	if text == nil {
		text = []byte(v.Text())
	}
	return slices.ContainsFunc(append(words, `\u`), func(word string) bool { return bytes.Contains(text, []byte(word)) })
}

// Embedded returns the value of the JSON text in a string.
func (v Value) Embedded() Value {
	if v.begins('"') {
		return JSON(unquote(v.text))
	}
	return JSON([]byte(v.Text()))
}

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

// unquote returns the string that JSON text stands for, as encoding/json decodes it: invalid UTF-8 and unpaired surrogates
// become U+FFFD. The result may share memory with quoted.
func unquote(quoted []byte) []byte {
	if len(quoted) < 2 || quoted[len(quoted)-1] != '"' {
		return nil
	}
	inner := quoted[1 : len(quoted)-1]
	if !utf8.Valid(inner) {
		inner = []byte(string([]rune(string(inner)))) // U+FFFD for each invalid byte
	}
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	out := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); i++ {
		if inner[i] != '\\' || i+1 == len(inner) {
			out = append(out, inner[i])
			continue
		}
		char, rest := unescape(inner[i+1:])
		out = utf8.AppendRune(out, char)
		i = len(inner) - len(rest) - 1
	}
	return out
}

// unescaped has the control characters that letters stand for.
var unescaped = [256]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape returns the character of an escape sequence, of which s begins after the backslash, and the text after it.
func unescape(s []byte) (char rune, rest []byte) {
	switch s[0] {
	case '"', '\\', '/':
		return rune(s[0]), s[1:]
	case 'u':
	default:
		return rune(unescaped[s[0]]), s[1:]
	}
	char, rest = codeUnit(s)
	if !utf16.IsSurrogate(char) {
		return char, rest
	}
	if second, ok := bytes.CutPrefix(rest, []byte{'\\'}); ok && len(second) > 0 {
		low, after := codeUnit(second)
		if pair := utf16.DecodeRune(char, low); pair != utf8.RuneError {
			return pair, after
		}
	}
	return utf8.RuneError, rest
}

// codeUnit returns the UTF-16 code unit in uXXXX.
func codeUnit(s []byte) (unit rune, rest []byte) {
	if s[0] == 'u' && len(s) >= 5 {
		if n, err := strconv.ParseUint(string(s[1:5]), 16, 16); err == nil {
			return rune(n), s[5:]
		}
	}
	return utf8.RuneError, s[1:]
}
