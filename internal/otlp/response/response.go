// Package response reads the responses of OTLP backends.
package response

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"
)

// The wire types of protobuf that OTLP uses (protobuf.dev, "Encoding", "Message Structure").
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

var errMalformed = errors.New("no valid protobuf message")

// Export reads an ExportTraceServiceResponse, ExportMetricsServiceResponse or ExportLogsServiceResponse, which have the
// same wire format. It returns how many items were rejected and the message about it. An empty response means that
// everything was accepted. Unknown fields are skipped. The message is UTF-8 and a part of data.
func Export(data []byte) (rejected int64, message []byte, err error) {
	var s success
	for len(data) > 0 {
		f, ok := firstField(data)
		if ok && f.number() == 1 {
			if ok = f.wireType() == wireBytes; ok {
				s, ok = s.merge(data[f.begin:f.end])
			}
		}
		if !ok {
			return 0, nil, errMalformed
		}
		data = data[f.end:]
	}
	if s.rejected < 0 {
		return 0, nil, errMalformed
	}
	return s.rejected, s.message, nil
}

// success is an Export…PartialSuccess. Its message is a part of the decoded data.
type success struct {
	rejected int64
	message  []byte
}

// merge reads another occurrence of the message. Protobuf merges repeated occurrences of one field.
func (s success) merge(data []byte) (success, bool) {
	for len(data) > 0 {
		f, ok := firstField(data)
		switch f.number() {
		case 1:
			s.rejected, ok = int64(f.value), ok && f.wireType() == wireVarint
		case 2:
			s.message, ok = f.text(data, ok)
		}
		if !ok {
			return s, false
		}
		data = data[f.end:]
	}
	return s, true
}

// Status reads the code and the message of a google.rpc.Status. The message is UTF-8 and a part of data.
func Status(data []byte) (code int32, message []byte, err error) {
	for len(data) > 0 {
		f, ok := firstField(data)
		switch f.number() {
		case 1:
			code, ok = int32(f.value), ok && f.wireType() == wireVarint
		case 2:
			message, ok = f.text(data, ok)
		}
		if !ok {
			return 0, nil, errMalformed
		}
		data = data[f.end:]
	}
	return code, message, nil
}

// field is one field of a message: its tag, the value of a varint, and where its content begins and ends.
type field struct {
	tag, value uint64
	begin, end int
}

func (f field) number() uint64 { return f.tag >> 3 }
func (f field) wireType() int  { return int(f.tag & 7) }

// text returns the content of a string field in data. It reports false if ok is false or the content is malformed.
func (f field) text(data []byte, ok bool) ([]byte, bool) {
	if !ok || f.wireType() != wireBytes {
		return nil, false
	}
	text := data[f.begin:f.end]
	return text, utf8.Valid(text)
}

// firstField reads the first field of the message in data, which must not be empty. Groups are malformed: proto3 has none.
func firstField(data []byte) (f field, ok bool) {
	tag, n := uint64(data[0]), 1
	if tag >= 0x80 {
		tag, n = binary.Uvarint(data)
	}
	if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return f, false
	}
	f.tag, f.begin = tag, n
	switch f.wireType() {
	case wireVarint, wireBytes:
		if n < len(data) && data[n] < 0x80 { // as nearly all are
			f.value, f.begin = uint64(data[n]), n+1
			break
		}
		value, m := binary.Uvarint(data[n:])
		if m <= 0 {
			return f, false
		}
		f.value, f.begin = value, n+m
	case wireFixed64:
		f.begin += 8
	case wireFixed32:
		f.begin += 4
	default:
		return f, false
	}
	f.end = f.begin
	if f.wireType() == wireBytes {
		if f.value > uint64(len(data)-f.begin) {
			return f, false
		}
		f.end += int(f.value)
	}
	return f, f.end <= len(data)
}
