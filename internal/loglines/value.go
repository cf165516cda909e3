package loglines

import (
	"encoding/base64"
	"strconv"

	"go.opentelemetry.io/otel/attribute"

	"github.com/epilogue-go/epilogue/internal/jsontext"
)

// maxNesting is how deep lists and maps may be nested. One that is nested deeper is written as its text.
const maxNesting = 64

// appendValue appends v as JSON: bytes in base64, maps as objects, an empty value as null. It stops when dst is longer
// than limit; the JSON may be incomplete then.
func appendValue(dst []byte, v attribute.Value, limit, nesting int) []byte {
	switch v.Type() {
	case attribute.EMPTY:
		return append(dst, "null"...)
	case attribute.BOOL:
		return strconv.AppendBool(dst, v.AsBool())
	case attribute.INT64:
		return strconv.AppendInt(dst, v.AsInt64(), 10)
	case attribute.FLOAT64:
		return jsontext.AppendFloat(dst, v.AsFloat64())
	case attribute.STRING:
		return appendText(dst, v.AsString(), limit)
	case attribute.BYTESLICE:
		bytes := v.AsByteSlice()
		bytes = bytes[:min(len(bytes), limit+1)] // the rest does not fit
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), bytes), '"')
	}
	if nesting == maxNesting {
		return appendText(dst, v.String(), limit)
	}
	return appendCompound(dst, v, limit, nesting+1)
}

// appendText appends s as far as it may fit: no character is shorter in JSON.
func appendText(dst []byte, s string, limit int) []byte {
	return jsontext.AppendString(dst, s[:min(len(s), limit+1)])
}

// appendCompound appends a value that holds others. A kind that this release does not know is written as its text.
func appendCompound(dst []byte, v attribute.Value, limit, nesting int) []byte {
	switch v.Type() {
	case attribute.BOOLSLICE:
		return appendList(dst, v.AsBoolSlice(), limit, strconv.AppendBool)
	case attribute.INT64SLICE:
		return appendList(dst, v.AsInt64Slice(), limit, func(dst []byte, n int64) []byte {
			return strconv.AppendInt(dst, n, 10)
		})
	case attribute.FLOAT64SLICE:
		return appendList(dst, v.AsFloat64Slice(), limit, jsontext.AppendFloat)
	case attribute.STRINGSLICE:
		return appendList(dst, v.AsStringSlice(), limit, func(dst []byte, s string) []byte {
			return appendText(dst, s, limit)
		})
	case attribute.SLICE:
		return appendList(dst, v.AsSlice(), limit, func(dst []byte, v attribute.Value) []byte {
			return appendValue(dst, v, limit, nesting)
		})
	case attribute.MAP:
		return appendMap(dst, v.AsMap(), limit, nesting)
	}
	return appendText(dst, v.String(), limit)
}

func appendList[T any](dst []byte, items []T, limit int, appendItem func([]byte, T) []byte) []byte {
	dst = append(dst, '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst = appendItem(dst, item); len(dst) > limit {
			return dst
		}
	}
	return append(dst, ']')
}

// appendMap appends an object. The last of several values of one key counts, as in most JSON readers.
func appendMap(dst []byte, kvs []attribute.KeyValue, limit, nesting int) []byte {
	last := make(map[string]int, len(kvs))
	for i := range kvs {
		last[validUTF8(string(kvs[i].Key))] = i
	}
	dst = append(dst, '{')
	first := true
	for i := range kvs {
		key := validUTF8(string(kvs[i].Key))
		if last[key] != i {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(jsontext.AppendString(dst, key), ':')
		if dst = appendValue(dst, kvs[i].Value, limit, nesting); len(dst) > limit {
			return dst
		}
	}
	return append(dst, '}')
}
