package otlp

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"

	"github.com/epilogue-go/epilogue/internal/jsontext"
)

// message is a kind of OTLP message, an index into messages.
type message uint8

const (
	messageRequest message = iota
	messageResourceSpans
	messageScopeSpans
	messageResource
	messageScope
	messageSpan
	messageEvent
	messageLink
	messageStatus
	messageKeyValue
	messageAnyValue
	messageArrayValue
	messageKeyValueList
)

// form is the JSON form of a field's value.
type form uint8

const (
	formText   form = iota
	formHex         // of an id
	formBase64      // of other bytes
	formBool
	formNumber   // of at most 32 bits
	formUint64   // a string, because most JSON readers have 53 bits for a number
	formInt64    // the same
	formDouble   // a string if JSON has no such number
	formObject   // a message
	formMessages // field is a list of messages
)

// jsonField is a field of a message.
type jsonField struct {
	number uint8
	form   form
	of     message // of an object
	name   string  // quoted and with its colon
}

// messages has the encoded fields (opentelemetry-proto, trace/v1, resource/v1 and common/v1).
var messages = [...][]jsonField{
	messageRequest: {{1, formMessages, messageResourceSpans, `"resourceSpans":`}},
	messageResourceSpans: {
		{1, formObject, messageResource, `"resource":`},
		{2, formMessages, messageScopeSpans, `"scopeSpans":`},
		{3, formText, 0, `"schemaUrl":`},
	},
	messageScopeSpans: {
		{1, formObject, messageScope, `"scope":`},
		{2, formMessages, messageSpan, `"spans":`},
		{3, formText, 0, `"schemaUrl":`},
	},
	messageResource: {{1, formMessages, messageKeyValue, `"attributes":`}},
	messageScope: {
		{1, formText, 0, `"name":`}, {2, formText, 0, `"version":`}, {3, formMessages, messageKeyValue, `"attributes":`},
	},
	messageSpan: {
		{1, formHex, 0, `"traceId":`},
		{2, formHex, 0, `"spanId":`},
		{3, formText, 0, `"traceState":`},
		{4, formHex, 0, `"parentSpanId":`},
		{5, formText, 0, `"name":`},
		{6, formNumber, 0, `"kind":`},
		{7, formUint64, 0, `"startTimeUnixNano":`},
		{8, formUint64, 0, `"endTimeUnixNano":`},
		{9, formMessages, messageKeyValue, `"attributes":`},
		{10, formNumber, 0, `"droppedAttributesCount":`},
		{11, formMessages, messageEvent, `"events":`},
		{12, formNumber, 0, `"droppedEventsCount":`},
		{13, formMessages, messageLink, `"links":`},
		{14, formNumber, 0, `"droppedLinksCount":`},
		{15, formObject, messageStatus, `"status":`},
		{16, formNumber, 0, `"flags":`},
	},
	messageEvent: {
		{1, formUint64, 0, `"timeUnixNano":`},
		{2, formText, 0, `"name":`},
		{3, formMessages, messageKeyValue, `"attributes":`},
		{4, formNumber, 0, `"droppedAttributesCount":`},
	},
	messageLink: {
		{1, formHex, 0, `"traceId":`},
		{2, formHex, 0, `"spanId":`},
		{3, formText, 0, `"traceState":`},
		{4, formMessages, messageKeyValue, `"attributes":`},
		{5, formNumber, 0, `"droppedAttributesCount":`},
		{6, formNumber, 0, `"flags":`},
	},
	messageStatus:   {{2, formText, 0, `"message":`}, {3, formNumber, 0, `"code":`}},
	messageKeyValue: {{1, formText, 0, `"key":`}, {2, formObject, messageAnyValue, `"value":`}},
	messageAnyValue: {
		{anyString, formText, 0, `"stringValue":`},
		{anyBool, formBool, 0, `"boolValue":`},
		{anyInt, formInt64, 0, `"intValue":`},
		{anyDouble, formDouble, 0, `"doubleValue":`},
		{anyArray, formObject, messageArrayValue, `"arrayValue":`},
		{anyKvlist, formObject, messageKeyValueList, `"kvlistValue":`},
		{anyBytes, formBase64, 0, `"bytesValue":`},
	},
	messageArrayValue:   {{1, formMessages, messageAnyValue, `"values":`}},
	messageKeyValueList: {{1, formMessages, messageKeyValue, `"values":`}},
}

// appendObject appends the message m whose encoding is wire.
func appendObject(dst []byte, m message, wire []byte) []byte {
	return closeJSON(appendFields(append(dst, '{'), m, wire), '}')
}

// closeJSON ends an object or a list with bracket, which replaces the comma after the last member.
func closeJSON(dst []byte, bracket byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = bracket
		return dst
	}
	return append(dst, bracket)
}

// appendFields appends the fields of m in wire, with a comma after each. They are in ascending order, as this package writes them,
// and the items of a list are adjacent.
func appendFields(dst []byte, m message, wire []byte) []byte {
	fields := messages[m]
	inList := false // of fields[0]
	for len(wire) > 0 {
		tag, n := binary.Uvarint(wire)
		v, content, rest := nextValue(tag&7, wire[n:])
		wire = rest
		for uint64(fields[0].number) != tag>>3 {
			if inList {
				dst, inList = append(closeJSON(dst, ']'), ','), false
			}
			fields = fields[1:]
		}
		f := &fields[0]
		if !inList {
			dst = append(dst, f.name...)
			if f.form == formMessages {
				dst, inList = append(dst, '['), true
			}
		}
		dst = append(f.appendValue(dst, v, content), ',')
	}
	if inList {
		dst = append(closeJSON(dst, ']'), ',')
	}
	return dst
}

// nextValue cuts the first value from wire: a number, v, or content.
func nextValue(wireType uint64, wire []byte) (v uint64, content, rest []byte) {
	switch wireType {
	case wireFixed32:
		return uint64(binary.LittleEndian.Uint32(wire)), nil, wire[4:]
	case wireFixed64:
		return binary.LittleEndian.Uint64(wire), nil, wire[8:]
	}
	v, n := binary.Uvarint(wire)
	wire = wire[n:]
	if wireType == wireBytes {
		return 0, wire[:v], wire[v:]
	}
	return v, nil, wire
}

// appendValue appends one value of f, the number v or content.
func (f *jsonField) appendValue(dst []byte, v uint64, content []byte) []byte {
	switch f.form {
	case formText:
		return jsontext.AppendString(dst, content)
	case formHex:
		return append(hex.AppendEncode(append(dst, '"'), content), '"')
	case formBase64:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), content), '"')
	case formBool:
		return strconv.AppendBool(dst, v != 0)
	case formNumber:
		return strconv.AppendUint(dst, v, 10)
	case formUint64:
		return append(strconv.AppendUint(append(dst, '"'), v, 10), '"')
	case formInt64:
		return append(strconv.AppendInt(append(dst, '"'), int64(v), 10), '"')
	case formDouble:
		return jsontext.AppendFloat(dst, math.Float64frombits(v))
	default:
		return appendObject(dst, f.of, content)
	}
}
