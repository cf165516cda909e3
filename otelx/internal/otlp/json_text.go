package otlp

import (
	"math"
	"strconv"
	"strings"
)

// The fields below are appended with a comma after them, and left out where they have their default. A name comes
// quoted and with its colon.

func appendJSONText(dst []byte, name, s string) []byte {
	if s == "" {
		return dst
	}
	return append(appendQuoted(append(dst, name...), s), ',')
}

func appendJSONUint(dst []byte, name string, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return append(strconv.AppendUint(append(dst, name...), v, 10), ',')
}

// appendJSONUint64 appends a 64-bit integer as a string, since most readers of JSON have 53 bits for a number.
func appendJSONUint64(dst []byte, name string, v uint64) []byte {
	if v == 0 {
		return dst
	}
	dst = append(append(dst, name...), '"')
	return append(strconv.AppendUint(dst, v, 10), `",`...)
}

// appendJSONCount appends a uint32 that counts something, clamped to what it can hold.
func appendJSONCount(dst []byte, name string, n int) []byte {
	return appendJSONUint(dst, name, min(uint64(max(0, n)), math.MaxUint32))
}

// appendQuoted appends s as a JSON string, as appendText has it on the wire: each run of invalid bytes becomes one
// U+FFFD.
func appendQuoted(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	s = strings.ToValidUTF8(s, "\uFFFD")
	dst = append(dst, '"')
	plain := 0 // s[plain:i] needs no escape
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[plain:i]...)
		plain = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, digits[c>>4], digits[c&0xf])
		}
	}
	return append(append(dst, s[plain:]...), '"')
}
