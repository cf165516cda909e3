package otlp

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"

	"github.com/epilogue-go/epilogue/internal/jsontext"
)

// appendObject appends the message m whose encoding is wire.
func (t *table) appendObject(dst []byte, m message, wire []byte) []byte {
	return closeJSON(t.appendFields(append(dst, '{'), m, wire), '}')
}

// closeJSON ends an object or a list with bracket, which replaces the comma after the last member.
func closeJSON(dst []byte, bracket byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = bracket
		return dst
	}
	return append(dst, bracket)
}

// appendFields appends the fields of m in wire, with a comma after each. They are in the order of the table, and the
// items of a list are adjacent.
func (t *table) appendFields(dst []byte, m message, wire []byte) []byte {
	fields := t.fields(m)
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
		dst = append(t.appendValue(dst, f, v, content), ',')
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
func (t *table) appendValue(dst []byte, f *jsonField, v uint64, content []byte) []byte {
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
	case formSint32:
		return strconv.AppendInt(dst, int64(int32(v>>1)^-int32(v&1)), 10)
	case formFixed64s:
		return t.appendList(dst, content, wireFixed64, formUint64)
	case formUints:
		return t.appendList(dst, content, wireVarint, formUint64)
	case formDoubles:
		return t.appendList(dst, content, wireFixed64, formDouble)
	default:
		return t.appendObject(dst, f.of, content)
	}
}

// appendList appends the values of a packed list.
func (t *table) appendList(dst, packed []byte, wireType uint64, of form) []byte {
	item := jsonField{form: of}
	dst = append(dst, '[')
	for len(packed) > 0 {
		v, _, rest := nextValue(wireType, packed)
		packed = rest
		dst = append(t.appendValue(dst, &item, v, nil), ',')
	}
	return closeJSON(dst, ']')
}
