package event

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape returns s with its escape sequences replaced. The first one is at s[n].
func unescape(s []byte, n int) []byte {
	out := append(make([]byte, 0, len(s)), s[:n]...)
	for s = s[n:]; len(s) > 1; {
		switch s[1] {
		case 'u':
			char, used := unicodeEscape(s)
			out, s = utf8.AppendRune(out, char), s[used:]
		default:
			out, s = append(out, unescaped(s[1])), s[2:]
		}
		n := bytes.IndexByte(s, '\\')
		if n < 0 {
			break
		}
		out, s = append(out, s[:n]...), s[n:]
	}
	return append(out, s...)
}

// unescaped returns the character that c stands for after a backslash.
func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // a quote, a slash or a backslash
}

// unicodeEscape reads \uXXXX, or two of them that are a surrogate pair. It returns how many bytes it has read.
func unicodeEscape(s []byte) (char rune, used int) {
	char, used = hex4(s), min(len(s), 6)
	if !utf16.IsSurrogate(char) {
		return char, used
	}
	if pair := utf16.DecodeRune(char, hex4(s[used:])); pair != utf8.RuneError {
		return pair, used + 6
	}
	return utf8.RuneError, used
}

// hex4 returns the number in \uXXXX; -1 if s does not begin with that.
func hex4(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(s[2:6]), 16, 32)
	if err != nil {
		return -1
	}
	return rune(n)
}
