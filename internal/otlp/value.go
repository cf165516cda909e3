package otlp

import (
	"encoding/binary"
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// maxNesting is how deep arrays and maps of an attribute may be nested on the wire. Protobuf parsers in C++, Java,
// Python and Rust refuse a request with a message nested more than 100 deep. An attribute of an event is 7 deep, and
// each map adds 3.
const maxNesting = 30

// Fields of common.v1.AnyValue.
const (
	anyString = 1
	anyBool   = 2
	anyInt    = 3
	anyDouble = 4
	anyArray  = 5
	anyKvlist = 6
	anyBytes  = 7
)

// appendKeyValues appends each of kvs as a common.v1.KeyValue.
func appendKeyValues(dst []byte, field int, kvs []attribute.KeyValue, nesting int) []byte {
	for i := range kvs {
		dst = appendKeyValue(dst, field, kvs[i], nesting)
	}
	return dst
}

// appendSet appends each attribute of set as a common.v1.KeyValue.
func appendSet(dst []byte, field int, set *attribute.Set) []byte {
	for i := range set.Len() {
		kv, _ := set.Get(i)
		dst = appendKeyValue(dst, field, kv, 0)
	}
	return dst
}

func appendKeyValue(dst []byte, field int, kv attribute.KeyValue, nesting int) []byte {
	dst, mark := open(dst, field)
	dst = appendString(dst, 1, string(kv.Key))
	dst = appendValue(dst, 2, kv.Value, nesting)
	return shut(dst, mark)
}

// appendValue appends v as a common.v1.AnyValue. An empty value is an AnyValue without content; one nested deeper than
// maxNesting is sent as its text.
func appendValue(dst []byte, field int, v attribute.Value, nesting int) []byte {
	dst, mark := open(dst, field)
	switch v.Type() {
	case attribute.EMPTY:
	case attribute.BOOL:
		dst = appendBoolContent(dst, v.AsBool())
	case attribute.INT64:
		dst = appendIntContent(dst, v.AsInt64())
	case attribute.FLOAT64:
		dst = appendDoubleContent(dst, v.AsFloat64())
	case attribute.STRING:
		dst = appendText(dst, anyString, v.AsString())
	case attribute.BYTESLICE:
		dst = appendBytes(dst, anyBytes, v.AsByteSlice())
	default:
		if nesting == maxNesting {
			dst = appendText(dst, anyString, v.String())
			break
		}
		dst = appendCompound(dst, v, nesting+1)
	}
	return shut(dst, mark)
}

// appendCompound appends the content of an AnyValue that holds other values. A kind that this release does not know is
// sent as its text.
func appendCompound(dst []byte, v attribute.Value, nesting int) []byte {
	switch v.Type() {
	case attribute.BOOLSLICE:
		return appendArray(dst, v.AsBoolSlice(), appendBoolContent)
	case attribute.INT64SLICE:
		return appendArray(dst, v.AsInt64Slice(), appendIntContent)
	case attribute.FLOAT64SLICE:
		return appendArray(dst, v.AsFloat64Slice(), appendDoubleContent)
	case attribute.STRINGSLICE:
		return appendArray(dst, v.AsStringSlice(), appendStringContent)
	case attribute.SLICE:
		dst, mark := open(dst, anyArray)
		for _, item := range v.AsSlice() {
			dst = appendValue(dst, 1, item, nesting)
		}
		return shut(dst, mark)
	case attribute.MAP:
		dst, mark := open(dst, anyKvlist)
		dst = appendKeyValues(dst, 1, v.AsMap(), nesting)
		return shut(dst, mark)
	default:
		return appendText(dst, anyString, v.String())
	}
}

// appendArray appends a common.v1.ArrayValue whose values are written by appendContent.
func appendArray[T any](dst []byte, items []T, appendContent func([]byte, T) []byte) []byte {
	dst, mark := open(dst, anyArray)
	for _, item := range items {
		var inner int
		dst, inner = open(dst, 1)
		dst = shut(appendContent(dst, item), inner)
	}
	return shut(dst, mark)
}

// The content of an AnyValue is one of several fields, so a zero is written too.

func appendBoolContent(dst []byte, v bool) []byte {
	dst = appendTag(dst, anyBool, wireVarint)
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendIntContent(dst []byte, v int64) []byte {
	return binary.AppendUvarint(appendTag(dst, anyInt, wireVarint), uint64(v))
}

func appendDoubleContent(dst []byte, v float64) []byte {
	return appendPresentDouble(dst, anyDouble, v)
}

func appendStringContent(dst []byte, v string) []byte { return appendText(dst, anyString, v) }

// unixNano returns t in nanoseconds since 1970, clamped to a uint64: 0 before that year, the last instant after 2554.
// time.Time.UnixNano is undefined outside 1678 to 2262, and so for the zero time.
func unixNano(t time.Time) uint64 {
	const perSecond = uint64(time.Second)
	switch seconds := t.Unix(); {
	case seconds < 0:
		return 0
	case uint64(seconds) >= math.MaxUint64/perSecond:
		return math.MaxUint64
	default:
		return uint64(seconds)*perSecond + uint64(t.Nanosecond())
	}
}
