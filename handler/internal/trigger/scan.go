package trigger

import "bytes"

// The scanner walks over JSON text without checking it: what is looked at here was accepted by encoding/json, except
// for a lambda.Handler's payload. Of malformed text it finds less, or something else; it never panics, and its time grows with
// the length of the text alone.

// space skips white space.
func space(s []byte, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
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

// stretch is how many bytes of a string are looked at one by one after an escaped quote. Where there is one there are more, as
// in JSON within JSON, and to search for the next from each is slower than that.
const stretch = 64

// skipString returns the index after the string that begins at s[i], len(s)+1 where it does not end.
func skipString(s []byte, i int) int {
	for i++; i < len(s); {
		n := bytes.IndexByte(s[i:], '"')
		if n < 0 {
			break
		}
		end, escapes := i+n, 0
		for end-1-escapes >= i && s[end-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return end + 1
		}
		for i = end + 1; i < len(s) && i < end+stretch; i++ {
			if s[i] == '"' {
				return i + 1
			}
			if s[i] == '\\' {
				i++
			}
		}
	}
	return len(s) + 1
}

// skipValue returns the index after the value that begins at s[i], len(s)+1 or more where it does not end.
func skipValue(s []byte, i int) int {
	if i >= len(s) {
		return len(s) + 1
	}
	switch s[i] {
	case '"':
		return skipString(s, i)
	case '{', '[':
		return skipNested(s, i)
	}
	for i < len(s) && !ends(s[i]) {
		i++
	}
	return i
}

// ends reports whether a number or a word ends before c.
func ends(c byte) bool {
	switch c {
	case ',', '}', ']', ' ', '\n', '\r', '\t':
		return true
	}
	return false
}

// skipNested skips an object or an array.
func skipNested(s []byte, i int) int {
	for depth := 0; i < len(s); {
		switch nesting[s[i]] {
		case plain:
			i++
		case quote:
			i = skipString(s, i)
		case open:
			if end := skipFlat(s, i); end > 0 && depth > 0 {
				i = end
				continue
			}
			depth++
			i++
		case shut:
			i++
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s) + 1
}

// skipFlat returns the index after the array that begins at s[i], where it begins with a number and has nothing else, as
// Kafka's headers are; 0 for any other value.
func skipFlat(s []byte, i int) int {
	if s[i] != '[' || i+1 == len(s) || s[i+1] != '-' && (s[i+1] < '0' || s[i+1] > '9') {
		return 0
	}
	n := bytes.IndexByte(s[i:], ']')
	if n < 0 {
		return 0
	}
	for _, c := range []byte(`"{[`) {
		if bytes.IndexByte(s[i+1:i+n], c) >= 0 {
			return 0
		}
	}
	return i + n + 1
}

// What a byte means outside a string.
const (
	plain = iota
	quote
	open
	shut
)

var nesting = [256]uint8{'"': quote, '{': open, '[': open, '}': shut, ']': shut}

// members walks over the object that s begins with. A key is given as it is written, without its quotes. The walk ends
// where f returns false; otherwise the length of the object is returned, 0 where it does not end.
func members(s []byte, f func(key, val []byte) bool) int { return membersUntil(s, nil, f) }

// membersUntil is members, but ends with a value at whose key stop returns true: f is given that and all that follows it.
func membersUntil(s []byte, stop func(key []byte) bool, f func(key, val []byte) bool) int {
	i := space(s, 0)
	if i >= len(s) || s[i] != '{' {
		return 0
	}
	for i = space(s, i+1); i < len(s) && s[i] == '"'; i = space(s, i+1) {
		end := skipString(s, i)
		colon := space(s, end)
		if colon >= len(s) || s[colon] != ':' {
			return 0
		}
		key, start := s[i+1:end-1], space(s, colon+1)
		if stop != nil && stop(key) {
			f(key, s[min(start, len(s)):])
			return 0
		}
		after := skipValue(s, start)
		if after > len(s) || !f(key, s[start:after]) {
			return 0
		}
		if i = space(s, after); i >= len(s) || s[i] != ',' {
			break
		}
	}
	if i < len(s) && s[i] == '}' {
		return i + 1
	}
	return 0
}

// elements walks over the array that s begins with. What f is given begins with an element and goes on to the end of s; f
// returns how long the element is, or 0 where it has not found out, and whether to go on.
func elements(s []byte, f func(val []byte) (used int, more bool)) {
	i := space(s, 0)
	if i >= len(s) || s[i] != '[' {
		return
	}
	for i = space(s, i+1); i < len(s) && s[i] != ']'; i = space(s, i+1) {
		used, more := f(s[i:])
		if !more {
			return
		}
		after := i + used
		if used == 0 {
			after = skipValue(s, i)
		}
		if after > len(s) || after == i {
			return
		}
		if i = space(s, after); i >= len(s) || s[i] != ',' {
			return
		}
	}
}
