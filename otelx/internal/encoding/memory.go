package encoding

import "go.opentelemetry.io/otel/attribute"

const (
	attributeBytes = 64
	stringBytes    = 16 // of a list
)

// AttributesMemory estimates how many bytes attributes have in memory, on 64-bit systems.
func AttributesMemory(attrs []attribute.KeyValue) (n int) {
	for i := range attrs {
		n += AttributeMemory(attrs[i])
	}
	return n
}

// AttributeMemory estimates how many bytes an attribute has in memory.
func AttributeMemory(kv attribute.KeyValue) int {
	return attributeBytes + len(kv.Key) + ValueMemory(kv.Value)
}

// ValueMemory estimates the bytes of a value besides its place in an attribute. The lists that a value returns are copies, but
// their texts are not.
func ValueMemory(v attribute.Value) (n int) {
	switch v.Type() {
	case attribute.STRING:
		return len(v.AsString())
	case attribute.BOOLSLICE:
		return len(v.AsBoolSlice())
	case attribute.INT64SLICE:
		return 8 * len(v.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		return 8 * len(v.AsFloat64Slice())
	case attribute.BYTESLICE:
		return len(v.AsByteSlice())
	case attribute.STRINGSLICE:
		for _, s := range v.AsStringSlice() {
			n += stringBytes + len(s)
		}
	case attribute.SLICE:
		for _, item := range v.AsSlice() {
			n += attributeBytes + ValueMemory(item)
		}
	case attribute.MAP:
		return AttributesMemory(v.AsMap())
	}
	return n
}
