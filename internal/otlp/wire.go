package otlp

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// The wire types of protobuf that OTLP uses (protobuf.dev, "Encoding", "Message Structure").
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

func appendTag(dst []byte, field, wireType int) []byte {
	if field < 16 { // as nearly all are
		return append(dst, byte(field<<3|wireType))
	}
	return binary.AppendUvarint(dst, uint64(field)<<3|uint64(wireType))
}

// appendUint appends a varint field. Zero, the default of proto3, is left out.
func appendUint(dst []byte, field int, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return binary.AppendUvarint(appendTag(dst, field, wireVarint), v)
}

// appendCount appends a uint32 field that counts something, clamped to the field's range.
func appendCount(dst []byte, field, n int) []byte {
	return appendUint(dst, field, min(uint64(max(0, n)), math.MaxUint32))
}

func appendFixed32(dst []byte, field int, v uint32) []byte {
	return binary.LittleEndian.AppendUint32(appendTag(dst, field, wireFixed32), v)
}

// appendFixed64 appends a fixed64 field; zero is left out.
func appendFixed64(dst []byte, field int, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return binary.LittleEndian.AppendUint64(appendTag(dst, field, wireFixed64), v)
}

// appendPresent64 appends a fixed64 field with presence, as that of a oneof: zero is written too.
func appendPresent64(dst []byte, field int, v uint64) []byte {
	return binary.LittleEndian.AppendUint64(appendTag(dst, field, wireFixed64), v)
}

// appendDouble appends a double field; zero is left out, but -0 is not.
func appendDouble(dst []byte, field int, v float64) []byte {
	return appendFixed64(dst, field, math.Float64bits(v))
}

// appendPresentDouble appends a double field with presence.
func appendPresentDouble(dst []byte, field int, v float64) []byte {
	return appendPresent64(dst, field, math.Float64bits(v))
}

// appendSint32 appends a sint32 field in zigzag form; zero is left out.
func appendSint32(dst []byte, field int, v int32) []byte {
	return appendUint(dst, field, uint64(uint32(v)<<1^uint32(v>>31)))
}

// appendFixed64s appends a packed list of fixed64; an empty one is left out.
func appendFixed64s(dst []byte, field int, list []uint64) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = binary.AppendUvarint(appendTag(dst, field, wireBytes), uint64(8*len(list)))
	for _, v := range list {
		dst = binary.LittleEndian.AppendUint64(dst, v)
	}
	return dst
}

// appendDoubles appends a packed list of doubles; an empty one is left out.
func appendDoubles(dst []byte, field int, list []float64) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = binary.AppendUvarint(appendTag(dst, field, wireBytes), uint64(8*len(list)))
	for _, v := range list {
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
	}
	return dst
}

// appendUints appends a packed list of varints; an empty one is left out.
func appendUints(dst []byte, field int, list []uint64) []byte {
	if len(list) == 0 {
		return dst
	}
	dst, mark := open(dst, field)
	for _, v := range list {
		dst = binary.AppendUvarint(dst, v)
	}
	return shut(dst, mark)
}

func appendBytes(dst []byte, field int, b []byte) []byte {
	dst = binary.AppendUvarint(appendTag(dst, field, wireBytes), uint64(len(b)))
	return append(dst, b...)
}

// appendString appends a string field; the empty string is left out.
func appendString(dst []byte, field int, s string) []byte {
	if s == "" {
		return dst
	}
	return appendText(dst, field, s)
}

// appendText appends a string field, even an empty one. A proto3 string is UTF-8, and receivers refuse a whole request
// for one that is not, so each run of invalid bytes becomes one U+FFFD.
func appendText(dst []byte, field int, s string) []byte {
	if !utf8.ValidString(s) { // it checks a word at a time; strings.ToValidUTF8 does not
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	dst = binary.AppendUvarint(appendTag(dst, field, wireBytes), uint64(len(s)))
	return append(dst, s...)
}

// open begins a length-delimited field of unknown length and returns where its content begins, for [shut].
func open(dst []byte, field int) (out []byte, mark int) {
	dst = append(appendTag(dst, field, wireBytes), 0)
	return dst, len(dst)
}

// shut ends the field that open began. It writes the length into the byte reserved for it, and moves the content if the
// length needs more than one byte.
func shut(dst []byte, mark int) []byte {
	n := len(dst) - mark
	if n < 0x80 { // as in nearly all
		dst[mark-1] = byte(n)
		return dst
	}
	var room [binary.MaxVarintLen64]byte
	extra := uvarintLen(n) - 1
	dst = append(dst, room[:extra]...)
	copy(dst[mark+extra:], dst[mark:mark+n])
	binary.PutUvarint(dst[mark-1:], uint64(n))
	return dst
}

// uvarintLen returns the length of n as a varint.
func uvarintLen(n int) int { return (bits.Len64(uint64(n)|1) + 6) / 7 }

// framed returns the size of a length-delimited field with a number below 16 and n bytes of content.
func framed(n int) int { return 1 + uvarintLen(n) + n }
