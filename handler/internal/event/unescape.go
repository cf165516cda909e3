package event

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape returns s with its escape sequences replaced. The first one is at s[i].
func unescape(s []byte, i int) []byte {
	out := make([]byte, len(s)+utf8.UTFMax) // only a sequence that is cut off is shorter than its character
	n := copy(out, s[:i])
	for i < len(s) {
		switch {
		case s[i] != '\\' || i+1 == len(s):
			out[n] = s[i]
			i, n = i+1, n+1
		case s[i+1] == 'u':
			char, used := unicodeEscape(s[i:])
			i, n = i+used, n+utf8.EncodeRune(out[n:], char)
		default:
			out[n] = unescaped(s[i+1])
			i, n = i+2, n+1
		}
	}
	return out[:n]
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
