package otlp

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"
)

var errMalformed = errors.New("no valid protobuf message")

// decodeResponse reads an ExportTraceServiceResponse. An empty one means that everything was accepted. Fields it does
// not know are skipped, as protobuf wants it.
func decodeResponse(data []byte) (rejected int64, message string, err error) {
	err = eachField(data, func(f field) error {
		if f.number != 1 {
			return nil
		}
		if f.wireType != wireBytes {
			return errMalformed
		}
		return decodePartialSuccess(f.bytes, &rejected, &message)
	})
	if err != nil || rejected < 0 {
		return 0, "", errMalformed
	}
	return rejected, message, nil
}

// decodePartialSuccess reads an ExportTracePartialSuccess into what was read before: a message that appears twice is
// merged.
func decodePartialSuccess(data []byte, rejected *int64, message *string) error {
	return eachField(data, func(f field) error {
		switch f.number {
		case 1:
			return f.readInt(rejected)
		case 2:
			return f.readText(message)
		}
		return nil
	})
}

// decodeStatus reads the code and the message of a google.rpc.Status.
func decodeStatus(data []byte) (code int32, message string, err error) {
	var wide int64
	err = eachField(data, func(f field) error {
		switch f.number {
		case 1:
			return f.readInt(&wide)
		case 2:
			return f.readText(&message)
		}
		return nil
	})
	if err != nil {
		return 0, "", err
	}
	return int32(wide), message, nil
}

// field is one field of a message: value for a varint, bytes for a length-delimited one.
type field struct {
	number, wireType int
	value            uint64
	bytes            []byte
}

func (f field) readInt(to *int64) error {
	if f.wireType != wireVarint {
		return errMalformed
	}
	*to = int64(f.value)
	return nil
}

func (f field) readText(to *string) error {
	if f.wireType != wireBytes || !utf8.Valid(f.bytes) {
		return errMalformed
	}
	*to = string(f.bytes)
	return nil
}

// eachField calls visit for each field of the message in data, until it returns an error. Groups, which proto3 does not
// have, are malformed. The bytes of a field are part of data.
func eachField(data []byte, visit func(field) error) error {
	for len(data) > 0 {
		key, n := binary.Uvarint(data)
		number := key >> 3
		if n <= 0 || number == 0 || number > 1<<29-1 {
			return errMalformed
		}
		f := field{number: int(number), wireType: int(key & 7)}
		used, ok := f.parse(data[n:])
		if !ok {
			return errMalformed
		}
		if err := visit(f); err != nil {
			return err
		}
		data = data[n+used:]
	}
	return nil
}

// parse reads the content of f from the beginning of data and returns how many bytes that were.
func (f *field) parse(data []byte) (used int, ok bool) {
	switch f.wireType {
	case wireVarint:
		f.value, used = binary.Uvarint(data)
		return used, used > 0
	case wireFixed64:
		return 8, len(data) >= 8
	case wireFixed32:
		return 4, len(data) >= 4
	case wireBytes:
		size, n := binary.Uvarint(data)
		if n <= 0 || size > uint64(len(data)-n) {
			return 0, false
		}
		used = n + int(size)
		f.bytes = data[n:used]
		return used, true
	}
	return 0, false
}
