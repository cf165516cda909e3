package event

import "bytes"

// space returns the index of the first byte from s[i] that is not white space.
func space(s []byte, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}

// trim returns text without the white space around it.
func trim(text []byte) []byte {
	text = text[space(text, 0):]
	for len(text) > 0 && text[len(text)-1] <= ' ' {
		text = text[:len(text)-1]
	}
	return text
}

// cursor goes over the members of an object or the elements of a list. After malformed text it is at the end.
type cursor struct {
	s []byte
	i int
}

// inside returns a cursor in an object or a list. For any other value it is at the end.
func inside(s []byte) cursor {
	if len(s) == 0 || s[0] != '{' && s[0] != '[' {
		return cursor{}
	}
	return cursor{s, 1}
}

// next goes to the next member or element. It reports whether there is one.
func (c *cursor) next() bool {
	c.i = space(c.s, c.i)
	if c.i < len(c.s) && c.s[c.i] == ',' {
		c.i = space(c.s, c.i+1)
	}
	return c.i < len(c.s) && c.s[c.i] != '}' && c.s[c.i] != ']'
}

// key goes to the value of the next member. It returns the text between the quotes of the member's name. After the last
// member it returns false, and the cursor is at the brace.
func (c *cursor) key() ([]byte, bool) {
	if !c.next() {
		return nil, false
	}
	if c.s[c.i] != '"' {
		c.i = len(c.s)
		return nil, false
	}
	key := c.value()
	c.i = space(c.s, c.i)
	if key == nil || c.i == len(c.s) || c.s[c.i] != ':' {
		c.i = len(c.s)
		return nil, false
	}
	c.i = space(c.s, c.i+1)
	return key[1 : len(key)-1], true
}

// OnScan is called with the length of each scanned value. Only tests set it, to bound the work for an event without a clock.
var OnScan func(bytes int)

// value goes to the end of a value and returns its text, nil if the text is malformed.
func (c *cursor) value() []byte {
	start := c.i
	c.i = skip(c.s, start)
	if OnScan != nil {
		OnScan(min(c.i, len(c.s)) - start)
	}
	if c.i > len(c.s) || c.i == start {
		c.i = len(c.s)
		return nil
	}
	return c.s[start:c.i]
}

// structural has the bytes at which an object, a list or a string begins or ends. wordEnd has those after a number, true, false
// or null.
var (
	structural = [256]bool{'"': true, '{': true, '}': true, '[': true, ']': true}
	wordEnd    = [256]bool{',': true, ':': true, '"': true, '{': true, '}': true, '[': true, ']': true, ' ': true, '\n': true, '\r': true, '\t': true}
)

// skip returns the index after the value that begins at s[i]: more than len(s) if the value does not end, i if no value
// begins there.
func skip(s []byte, i int) int {
	for depth := 0; i < len(s); {
		switch s[i] {
		case '"':
			i = skipString(s, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		default:
			if depth == 0 {
				return skipWord(s, i)
			}
			for i++; i < len(s) && !structural[s[i]]; i++ {
			}
			continue
		}
		if depth == 0 {
			return i
		}
	}
	return len(s) + 1
}

// skipWord returns the index after a number, true, false or null.
func skipWord(s []byte, i int) int {
	for i < len(s) && !wordEnd[s[i]] {
		i++
	}
	return i
}

// skipString returns the index after the string that begins at s[i]: more than len(s) if the string does not end.
func skipString(s []byte, i int) int {
	i++
	if n := bytes.IndexByte(s[i:], '"'); n == 0 || n > 0 && s[i+n-1] != '\\' {
		return i + n + 1
	}
	for ; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return len(s) + 1
}
