package otlp

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"
)

var errMalformed = errors.New("no valid protobuf message")

// decodeResponse reads an ExportTraceServiceResponse. An empty one means that everything was accepted. Fields it does
// not know are skipped, as protobuf wants it. The message is UTF-8 and part of data: most answers have none, and whoever
// shows one makes a text of its own of it.
func decodeResponse(data []byte) (rejected int64, message []byte, err error) {
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

// success is an ExportTracePartialSuccess. Its message is part of what was decoded.
type success struct {
	rejected int64
	message  []byte
}

// merge reads another one: a message that appears twice is merged.
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

// decodeStatus reads the code and the message of a google.rpc.Status, which is UTF-8 and part of data.
func decodeStatus(data []byte) (code int32, message []byte, err error) {
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

// field is one field of a message: its tag, the value of a varint, and where its content begins and ends. It is small enough
// to be returned in registers.
type field struct {
	tag, value uint64
	begin, end int
}

func (f field) number() uint64 { return f.tag >> 3 }
func (f field) wireType() int  { return int(f.tag & 7) }

// text returns the content of a string field in data; ok says whether it was well formed before.
func (f field) text(data []byte, ok bool) ([]byte, bool) {
	if !ok || f.wireType() != wireBytes {
		return nil, false
	}
	text := data[f.begin:f.end]
	return text, utf8.Valid(text)
}

// firstField reads the field that the message in data, which is not empty, begins with. Groups, which proto3 does not have,
// are malformed.
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
