package event

import (
	"bytes"
	"slices"
)

// trimLeft returns text without the white space before it.
func trimLeft(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\n' || text[0] == '\r' || text[0] == '\t') {
		text = text[1:]
	}
	return text
}

// cursor goes over the members of an object or the elements of a list. After malformed text it is at the end.
type cursor struct{ rest []byte }

// inside returns a cursor in an object or a list. For any other value it is at the end.
func inside(text []byte) cursor {
	if text[0] != '{' && text[0] != '[' {
		return cursor{}
	}
	return cursor{text[1:]}
}

// next goes to the next member or element. It reports whether there is one.
func (c *cursor) next() bool {
	c.rest = trimLeft(c.rest)
	if len(c.rest) > 0 && c.rest[0] == ',' {
		c.rest = trimLeft(c.rest[1:])
	}
	return len(c.rest) > 0 && c.rest[0] != '}' && c.rest[0] != ']'
}

// member goes past the next member. It returns the text of the name, nil if there is none, and of the value.
func (c *cursor) member() (key, value []byte) {
	if !c.next() || c.rest[0] != '"' {
		return nil, nil
	}
	key = c.value()
	c.rest = trimLeft(c.rest)
	if len(c.rest) == 0 || c.rest[0] != ':' {
		return nil, nil
	}
	c.rest = trimLeft(c.rest[1:])
	return key, c.value()
}

// object goes past an object and finds its members with these names.
func (c *cursor) object(names []string, texts [][]byte) {
	c.rest = c.rest[1:]
	for key, value := c.member(); key != nil; key, value = c.member() {
		name := key[1 : len(key)-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name = []byte(unquote(key))
		}
		if i := slices.Index(names, string(name)); i >= 0 {
			texts[i] = value
		}
	}
	if len(c.rest) > 0 {
		c.rest = c.rest[1:]
	}
}

// value goes past a value and returns its text, which is empty if the text is malformed.
func (c *cursor) value() []byte {
	n := valueLen(c.rest)
	value := c.rest[:n]
	c.rest = c.rest[n:]
	if n == 0 {
		c.rest = nil
	}
	return value
}

// valueLen returns the length of the value at the beginning of s: 0 if there is none, all of s if the value does not
// end.
func valueLen(s []byte) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{', '[':
			depth++
			continue
		case '"':
			i += stringLen(s[i:]) - 1
		case '}', ']':
			if depth == 0 { // after a number, true, false or null
				return i
			}
			depth--
		case ',', ':', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(s)
}

// stringLen returns the length of the string at the beginning of s: all of s if the string does not end.
func stringLen(s []byte) int {
	if n := bytes.IndexByte(s[1:], '"') + 1; n > 0 && s[n-1] != '\\' {
		return n + 1
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return len(s)
}
