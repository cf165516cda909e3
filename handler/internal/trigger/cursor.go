package trigger

import "bytes"

// cursor walks over an object's members or a list's elements.
type cursor struct {
	s []byte
	i int // where a value begins, or after one; len(s) where the walk has met what is not JSON
	// escaped says that the walk is over an object in the text of a string, every quote of which has a backslash ahead.
	escaped bool
}

// within returns a cursor ahead of the first member or element of the value that s is, which begins with opening; over
// nothing for any other value.
func within(s []byte, opening byte) cursor {
	c := cursor{s: s}
	if !c.enter(opening) {
		return cursor{}
	}
	return c
}

// enter goes into a value that begins with opening, and reports whether it does.
func (c *cursor) enter(opening byte) bool {
	if c.i >= len(c.s) || c.s[c.i] != opening {
		return false
	}
	c.i++
	return true
}

// begins goes into an object in the text of a string, and reports whether it is one that seems to begin with a member.
func (c *cursor) begins(name string) bool {
	if c.space(); !c.enter('{') {
		return false
	}
	c.space()
	return bytes.HasPrefix(c.s[min(c.i+len(`\"`), len(c.s)):], []byte(name))
}

// next goes to the next member or element, and reports whether there is one.
func (c *cursor) next() bool {
	if c.space(); c.i < len(c.s) && c.s[c.i] == ',' {
		c.i++
		c.space()
	}
	return c.i < len(c.s) && meaning[c.s[c.i]] != shut
}

// space goes over white space, of which there is mostly none.
func (c *cursor) space() {
	if c.i < len(c.s) && gap[c.s[c.i]] {
		c.skipSpace()
	}
}

// gap is what white space begins with, in text with escapes too.
var gap = [256]bool{' ': true, '\n': true, '\r': true, '\t': true, '\\': true}

func (c *cursor) skipSpace() {
	if c.escaped {
		c.i = escapedSpace(c.s, c.i)
	} else {
		c.i = space(c.s, c.i)
	}
}

// key goes to the value of the next member. It returns the key as it is written, without its quotes, and false after the
// last one.
func (c *cursor) key() ([]byte, bool) {
	if !c.next() {
		return nil, false
	}
	n := 1 // how long a quote is
	if c.escaped {
		n = 2
	}
	if s := c.s[c.i:]; len(s) > 2*n && s[n-1] == '"' && (n == 1 || s[0] == '\\') {
		key := c.skip()
		if c.space(); key != nil && c.i < len(c.s) && c.s[c.i] == ':' {
			c.i++
			c.space()
			return key[n : len(key)-n], true
		}
	}
	c.i = len(c.s)
	return nil, false
}

// skip goes to the end of the value, and returns that.
func (c *cursor) skip() []byte {
	start := c.i
	if c.escaped {
		c.i = skipEscaped(c.s, start)
	} else {
		c.i = skipValue(c.s, start)
	}
	if c.i > len(c.s) || c.i == start {
		c.i = len(c.s)
		return nil
	}
	return c.s[start:c.i]
}

// leave goes from the end of an object or a list to what follows it.
func (c *cursor) leave() {
	if c.space(); c.i < len(c.s) {
		c.i++
	}
}
