package trigger

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// unquote returns what stands between the quotes of a JSON string, as encoding/json decodes it: invalid UTF-8 and lone
// surrogates become U+FFFD. The result may share memory with s.
func (r *reading) unquote(s []byte) []byte {
	if !utf8.Valid(s) {
		s = []byte(string(bytes.Runes(s))) // U+FFFD for each invalid byte
	}
	if bytes.IndexByte(s, '\\') < 0 {
		return s
	}
	return r.take(unescape(r.room(len(s)+word), s))
}

// unescape writes what s, the text of a string, stands for to out, which has to be a word longer. It returns how much that
// is.
func unescape(out, s []byte) (n int) {
	escaped := uint64(0)
	for i := 0; i < len(s); {
		if i+word <= len(s) {
			w := load(s, i)
			slashes := marks(w, '\\')
			chars, next := escapes(slashes, escaped)
			if chars&(w>>5)&(w>>6) == 0 { // no letters, so all that goes is the backslashes
				used := word
				for begun := slashes &^ chars; begun != 0; begun = begun & (begun - 1) >> 8 {
					before := begun&-begun - 1 // the bytes ahead of the first
					w = w&before | w>>8&^before
					used--
				}
				binary.LittleEndian.PutUint64(out[n:], w)
				i, n, escaped = i+word, n+used, next
				continue
			}
		}
		i, escaped = i-int(escaped), 0 // back to the backslash
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
	return n
}

// unescaped returns what c stands for after a backslash.
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
