// Package jsontext appends JSON texts (RFC 8259) to byte slices, for encoders that know the form of their data.
package jsontext

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// AppendString appends s as a JSON string that is valid UTF-8. U+FFFD replaces each byte of s that is not part of a
// character. Control characters, C1 and DEL included, are escaped: the text has one line, and a terminal shows it as it
// is.
func AppendString[S string | []byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	plain := 0 // s[plain:i] needs no escape
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < del && c != '"' && c != '\\' {
			i++
			continue
		}
		char, size := rune(c), 1
		if c >= utf8.RuneSelf {
			char, size = firstRune(s[i:])
			if char > lastControl && (char != utf8.RuneError || size > 1) {
				i += size
				continue
			}
		}
		dst = append(dst, s[plain:i]...)
		dst = appendEscaped(dst, char)
		i += size
		plain = i
	}
	return append(append(dst, s[plain:]...), '"')
}

const (
	del         = 0x7f
	lastControl = 0x9f // of C1
)

// firstRune decodes the first character of s without allocating a copy of s.
func firstRune[S string | []byte](s S) (r rune, size int) {
	var buf [utf8.UTFMax]byte
	return utf8.DecodeRune(buf[:copy(buf[:], s)])
}

// appendEscaped appends a character that cannot stand for itself, or U+FFFD.
func appendEscaped(dst []byte, char rune) []byte {
	const digits = "0123456789abcdef"
	switch char {
	case utf8.RuneError:
		return utf8.AppendRune(dst, char)
	case '"', '\\':
		return append(dst, '\\', byte(char))
	case '\n':
		return append(dst, `\n`...)
	case '\t':
		return append(dst, `\t`...)
	}
	dst = append(dst, `\u00`...)
	return append(dst, digits[char>>4&0xf], digits[char&0xf])
}

// AppendFloat appends the shortest number that parses as v. JSON has no such number for NaN and the infinities: they
// are the strings "NaN", "Infinity" and "-Infinity", as in OTLP JSON.
func AppendFloat(dst []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}
