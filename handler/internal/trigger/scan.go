package trigger

import (
	"encoding/binary"
	"math/bits"
)

// The scanner walks over JSON text without checking it: what is looked at here was accepted by encoding/json, except
// for a lambda.Handler's payload. Of malformed text it finds less, or something else; it never panics, and its time grows with
// the length of the text alone.

// space skips white space.
func space(s []byte, i int) int {
	for i < len(s) && s[i] <= ' ' && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}

// first returns the first byte of the value that s begins with, 0 where there is none.
func first(s []byte) byte {
	if i := space(s, 0); i < len(s) {
		return s[i]
	}
	return 0
}

// word is how many bytes of a string are looked at in one step.
const word = 8

// marks returns a number of which the lowest bit that is set is in the first of eight bytes that is c; 0 where none is.
func marks(w uint64, c byte) uint64 {
	const ones = 0x0101010101010101
	w ^= ones * uint64(c)
	return (w - ones) &^ w & (ones << 7)
}

// index returns in which of eight bytes the lowest bit of marks is.
func index(marks uint64) int { return bits.TrailingZeros64(marks) / 8 }

// skipString returns the index after the string that begins at s[i], len(s)+1 where it does not end.
func skipString(s []byte, i int) int {
	for i++; i < len(s); {
		if i+word <= len(s) {
			w := binary.LittleEndian.Uint64(s[i:])
			found := marks(w, '"') | marks(w, '\\')
			if found == 0 {
				i += word
				continue
			}
			i += index(found)
		}
		switch s[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
		i++
	}
	return len(s) + 1
}

// What a byte means outside a string.
const (
	plain = iota
	quote
	open
	shut
	end // of a number or a word
)

var meaning = [256]uint8{
	'"': quote, '{': open, '[': open, '}': shut, ']': shut, ',': end, ' ': end, '\n': end, '\r': end, '\t': end,
}

// skipValue returns the index after the value that begins at s[i], len(s)+1 where it does not end.
func skipValue(s []byte, i int) int {
	if i >= len(s) {
		return len(s) + 1
	}
	switch meaning[s[i]] {
	case quote:
		return skipString(s, i)
	case open:
		return skipNested(s, i)
	}
	for i < len(s) && meaning[s[i]] < shut {
		i++
	}
	return i
}

// skipNested skips an object or a list.
func skipNested(s []byte, i int) int {
	for depth := 0; i < len(s); {
		switch meaning[s[i]] {
		case quote:
			i = skipString(s, i)
			continue
		case open:
			depth++
		case shut:
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return len(s) + 1
}

// cursor walks over an object's members or a list's elements.
type cursor struct {
	s []byte
	i int // where a value begins, or after one; len(s) where the walk has met what is not JSON
}

// within returns a cursor ahead of the first member or element of the value that s begins with, which begins with opening;
// over nothing for any other value.
func within(s []byte, opening byte) cursor {
	if i := space(s, 0); i < len(s) && s[i] == opening {
		return cursor{s, i + 1}
	}
	return cursor{}
}

// next goes to the next member or element, and reports whether there is one.
func (c *cursor) next() bool {
	if c.i = space(c.s, c.i); c.i < len(c.s) && c.s[c.i] == ',' {
		c.i = space(c.s, c.i+1)
	}
	return c.i < len(c.s) && meaning[c.s[c.i]] != shut
}

// key goes to the value of the next member. It returns the key as it is written, without its quotes, and false after the
// last one.
func (c *cursor) key() ([]byte, bool) {
	if !c.next() {
		return nil, false
	}
	start := c.i
	if c.s[start] == '"' {
		end := skipString(c.s, start)
		if colon := space(c.s, end); colon < len(c.s) && c.s[colon] == ':' {
			c.i = space(c.s, colon+1)
			return c.s[start+1 : end-1], true
		}
	}
	c.i = len(c.s)
	return nil, false
}

// skip goes to the end of the value, and returns that.
func (c *cursor) skip() []byte {
	start := c.i
	if c.i = skipValue(c.s, start); c.i > len(c.s) || c.i == start {
		c.i = len(c.s)
		return nil
	}
	return c.s[start:c.i]
}

// leave goes from the end of an object or a list to what follows it.
func (c *cursor) leave() {
	if c.i = space(c.s, c.i); c.i < len(c.s) {
		c.i++
	}
}
