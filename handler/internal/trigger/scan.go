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

// skipString returns the index after the string that begins at s[i], len(s)+1 or more where it does not end.
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
		i = end + 1
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
		switch s[i] {
		case '"':
			i = skipString(s, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return len(s) + 1
}

// members walks over the object that s begins with. A key is given as it is written, without its quotes. The walk ends
// where f returns false.
func members(s []byte, f func(key, val []byte) bool) {
	i := space(s, 0)
	if i >= len(s) || s[i] != '{' {
		return
	}
	for i = space(s, i+1); i < len(s) && s[i] == '"'; i = space(s, i+1) {
		end := skipString(s, i)
		colon := space(s, end)
		if colon >= len(s) || s[colon] != ':' {
			return
		}
		start := space(s, colon+1)
		after := skipValue(s, start)
		if after > len(s) || !f(s[i+1:end-1], s[start:after]) {
			return
		}
		if i = space(s, after); i >= len(s) || s[i] != ',' {
			return
		}
	}
}

// elements walks over the array that s begins with. The walk ends where f returns false.
func elements(s []byte, f func(val []byte) bool) {
	i := space(s, 0)
	if i >= len(s) || s[i] != '[' {
		return
	}
	for i = space(s, i+1); i < len(s) && s[i] != ']'; i = space(s, i+1) {
		after := skipValue(s, i)
		if after > len(s) || after == i || !f(s[i:after]) {
			return
		}
		if i = space(s, after); i >= len(s) || s[i] != ',' {
			return
		}
	}
}
