package trigger

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// The scanner walks over JSON text without checking it: what is looked at here was accepted by encoding/json, except
// for a lambda.Handler's payload. Of malformed text it finds less, or something else; it never panics, and its time grows with
// the length of the text alone.

// space skips white space.
func space(s []byte, i int) int {
	for i < len(s) && s[i] <= ' ' && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}

// Text is looked at in words of eight bytes. A mark is a byte's lowest bit.
const (
	word = 8
	ones = 0x0101010101010101
	odd  = 0x0100010001000100 // every other byte
)

// load returns the word that begins at s[i], which has to be there.
func load(s []byte, i int) uint64 { return binary.LittleEndian.Uint64(s[i:]) }

// marks marks the bytes of a word that are c.
func marks(w uint64, c byte) uint64 {
	w ^= ones * uint64(c)
	return ^((w&(ones*0x7f) + ones*0x7f) | w) >> 7 & ones
}

// index returns which byte of a word is the first that is marked.
func index(marks uint64) int { return bits.TrailingZeros64(marks) / 8 }

// escapes marks the bytes that are escaped, in a word whose backslashes are marked, and its first byte if the word before
// escapes that; next is that for the word after. A subtraction, which carries along a row of backslashes, takes the place of
// branches, of which JSON within JSON would have as many as it has quotes. It is simdjson's (Keiser and Lemire, "Parsing
// Gigabytes of JSON per Second", 3.1.1), with a byte for each bit there.
func escapes(slashes, first uint64) (escaped, next uint64) {
	begun := slashes &^ first
	ends := ((begun<<8 | odd) - begun) ^ odd
	return (ends ^ (slashes | first)) & ones, ends & slashes >> 56
}

// skipString returns the index after the string that begins at s[i], len(s)+1 where it does not end.
func skipString(s []byte, i int) int {
	escaped := uint64(0) // marks the next byte if that is
	begin := i + 1
	for i++; i+word <= len(s); i += word {
		w := load(s, i)
		quotes, slashes := marks(w, '"'), marks(w, '\\')
		if slashes|escaped != 0 {
			var chars uint64
			chars, escaped = escapes(slashes, escaped)
			quotes &^= chars
		}
		if quotes != 0 {
			return i + index(quotes) + 1
		}
		if i == begin && slashes == 0 { // mostly there are none in all of it
			if n := bytes.IndexByte(s[i+word:], '"'); n > 0 && s[i+word+n-1] != '\\' {
				return i + word + n + 1
			}
		}
	}
	for ; i < len(s); i++ {
		switch {
		case escaped != 0:
			escaped = 0
		case s[i] == '"':
			return i + 1
		case s[i] == '\\':
			escaped = 1
		}
	}
	return len(s) + 1
}

// What a byte means outside a string.
const (
	plain  = iota
	number // its begin, or its middle
	quote
	open
	shut
	end // of a number or a word
)

var meaning = [256]uint8{
	'"': quote, '{': open, '[': open, '}': shut, ']': shut, ',': end, ' ': end, '\n': end, '\r': end, '\t': end,
	'-': number, '0': number, '1': number, '2': number, '3': number, '4': number,
	'5': number, '6': number, '7': number, '8': number, '9': number,
}

// skipValue returns the index after the value that begins at s[i], len(s)+1 where it does not end.
func skipValue(s []byte, i int) int {
	if i >= len(s) {
		return len(s) + 1
	}
	switch meaning[s[i]] {
	case quote:
		return skipString(s, i)
	case open:
		return skipNested(s, i)
	}
	for i < len(s) && meaning[s[i]] < shut {
		i++
	}
	return i
}

// skipNested skips an object or a list.
func skipNested(s []byte, i int) int {
	for depth := 0; i < len(s); {
		switch meaning[s[i]] {
		case quote:
			i = skipString(s, i)
			continue
		case number:
			i = skipNumbers(s, i)
			continue
		case open:
			depth++
		case shut:
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return len(s) + 1
}

// skipNumbers goes from a number over what it has in common with others in a list, such as Kafka's headers are, to where
// something else may begin.
func skipNumbers(s []byte, i int) int {
	for i++; i+word <= len(s); i += word {
		w := load(s, i)
		w |= ones * ('{' ^ '[') // brackets become braces
		if found := marks(w, '"') | marks(w, '{') | marks(w, '}'); found != 0 {
			return i + index(found)
		}
	}
	return i
}
