package trigger

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// unquote returns what stands between the quotes of a JSON string, as encoding/json decodes it: invalid UTF-8 and lone
// surrogates become U+FFFD. The result may share memory with s.
func unquote(s []byte) []byte {
	if !utf8.Valid(s) {
		s = []byte(string(bytes.Runes(s))) // U+FFFD for each invalid byte
	}
	at := bytes.IndexByte(s, '\\')
	if at < 0 {
		return s
	}
	out := make([]byte, len(s)+utf8.UTFMax) // an escape is longer than what it stands for, unless text ends in it
	n := copy(out, s[:at])
	for i := at; i < len(s); {
		if s[i] != '\\' || i+1 == len(s) {
			out[n] = s[i]
			n, i = n+1, i+1
			continue
		}
		written, used := appendEscape(out[:n], s[i:])
		n, i = len(written), i+used
	}
	return out[:n]
}

// appendEscape appends the character that s, which begins with a backslash and something more, stands for. It returns how
// much of s that was.
func appendEscape(out, s []byte) ([]byte, int) {
	switch s[1] {
	case 'b':
		return append(out, '\b'), 2
	case 'f':
		return append(out, '\f'), 2
	case 'n':
		return append(out, '\n'), 2
	case 'r':
		return append(out, '\r'), 2
	case 't':
		return append(out, '\t'), 2
	case 'u':
		r, used := unicodeEscape(s)
		return utf8.AppendRune(out, r), used
	default: // a quote, a slash or a backslash
		return append(out, s[1]), 2
	}
}

// unicodeEscape reads \uXXXX, or two of them that are a surrogate pair.
func unicodeEscape(s []byte) (r rune, used int) {
	r = hex4(s)
	if !utf16.IsSurrogate(r) {
		return r, min(len(s), 6)
	}
	if pair := utf16.DecodeRune(r, hex4(s[min(len(s), 6):])); pair != utf8.RuneError {
		return pair, 12
	}
	return utf8.RuneError, min(len(s), 6)
}

// hex4 returns the number in \uXXXX, -1 where s does not begin with that.
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
