package otlp

import (
	"encoding/base64"
	"math"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
)

// appendJSONAttributes appends the field attributes.
func appendJSONAttributes(dst []byte, kvs []attribute.KeyValue) []byte {
	return appendJSONList(dst, `"attributes":[`, kvs, func(dst []byte, kv attribute.KeyValue) []byte {
		return appendJSONKeyValue(dst, kv, 0)
	})
}

// appendJSONSet appends the field attributes of a resource or scope.
func appendJSONSet(dst []byte, set *attribute.Set) []byte {
	if set.Len() == 0 {
		return dst
	}
	dst = append(dst, `"attributes":[`...)
	for iter := set.Iter(); iter.Next(); {
		dst = append(appendJSONKeyValue(dst, iter.Attribute(), 0), ',')
	}
	return append(closeJSON(dst, ']'), ',')
}

// appendJSONKeyValue appends a common.v1.KeyValue.
func appendJSONKeyValue(dst []byte, kv attribute.KeyValue, nesting int) []byte {
	dst = appendJSONText(append(dst, '{'), `"key":`, string(kv.Key))
	dst = append(dst, `"value":`...)
	return append(appendJSONValue(dst, kv.Value, nesting), '}')
}

// appendJSONValue appends v as a common.v1.AnyValue, with the exceptions of appendValue.
func appendJSONValue(dst []byte, v attribute.Value, nesting int) []byte {
	switch v.Type() {
	case attribute.EMPTY:
		return append(dst, `{}`...)
	case attribute.BOOL:
		return appendJSONBool(dst, v.AsBool())
	case attribute.INT64:
		return appendJSONInt(dst, v.AsInt64())
	case attribute.FLOAT64:
		return appendJSONDouble(dst, v.AsFloat64())
	case attribute.STRING:
		return appendJSONString(dst, v.AsString())
	case attribute.BYTESLICE:
		dst = append(dst, `{"bytesValue":"`...)
		return append(base64.StdEncoding.AppendEncode(dst, v.AsByteSlice()), `"}`...)
	}
	if nesting == maxNesting {
		return appendJSONString(dst, v.String())
	}
	return appendJSONCompound(dst, v, nesting+1)
}

// appendJSONCompound appends an AnyValue that holds other values; a kind that this release does not know, as its text.
func appendJSONCompound(dst []byte, v attribute.Value, nesting int) []byte {
	switch v.Type() {
	case attribute.BOOLSLICE, attribute.INT64SLICE, attribute.FLOAT64SLICE, attribute.STRINGSLICE, attribute.SLICE:
		dst = append(dst, `{"arrayValue":{`...)
		dst = appendJSONList(dst, `"values":[`, items(v), func(dst []byte, item attribute.Value) []byte {
			return appendJSONValue(dst, item, nesting)
		})
		return append(closeJSON(dst, '}'), '}')
	case attribute.MAP:
		dst = append(dst, `{"kvlistValue":{`...)
		dst = appendJSONList(dst, `"values":[`, v.AsMap(), func(dst []byte, kv attribute.KeyValue) []byte {
			return appendJSONKeyValue(dst, kv, nesting)
		})
		return append(closeJSON(dst, '}'), '}')
	default:
		return appendJSONString(dst, v.String())
	}
}

// items returns what an array holds, each as a value, so that there is one way to write an array and not one a type.
func items(v attribute.Value) (values []attribute.Value) {
	switch v.Type() {
	case attribute.BOOLSLICE:
		for _, item := range v.AsBoolSlice() {
			values = append(values, attribute.BoolValue(item))
		}
	case attribute.INT64SLICE:
		for _, item := range v.AsInt64Slice() {
			values = append(values, attribute.Int64Value(item))
		}
	case attribute.FLOAT64SLICE:
		for _, item := range v.AsFloat64Slice() {
			values = append(values, attribute.Float64Value(item))
		}
	case attribute.STRINGSLICE:
		for _, item := range v.AsStringSlice() {
			values = append(values, attribute.StringValue(item))
		}
	default:
		return v.AsSlice()
	}
	return values
}

func appendJSONBool(dst []byte, v bool) []byte {
	return append(strconv.AppendBool(append(dst, `{"boolValue":`...), v), '}')
}

func appendJSONInt(dst []byte, v int64) []byte {
	return append(strconv.AppendInt(append(dst, `{"intValue":"`...), v, 10), `"}`...)
}

func appendJSONString(dst []byte, v string) []byte {
	return append(appendQuoted(append(dst, `{"stringValue":`...), v), '}')
}

// appendJSONDouble appends the shortest number that reads back as v.
func appendJSONDouble(dst []byte, v float64) []byte {
	dst = append(dst, `{"doubleValue":`...)
	switch {
	case math.IsNaN(v):
		dst = append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		dst = append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		dst = append(dst, `"-Infinity"`...)
	default:
		dst = strconv.AppendFloat(dst, v, 'g', -1, 64)
	}
	return append(dst, '}')
}
