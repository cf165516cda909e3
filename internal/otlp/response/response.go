// Package response reads the responses of OTLP backends.
package response

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
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

// errMalformed is the error of a response in another format.
var errMalformed = errors.New("no valid protobuf message")

// Export reads an ExportTraceServiceResponse, ExportMetricsServiceResponse or ExportLogsServiceResponse, which have the
// same wire format. It returns how many items were rejected and the message about it. An empty response means that
// everything was accepted. Unknown fields are skipped. The message is UTF-8 and a part of data.
func Export(data []byte) (rejected int64, message []byte, err error) {
	var s pair
	for len(data) > 0 {
		f, ok := firstField(data)
		if ok && f.number() == 1 {
			ok = f.wireType() == wireBytes && s.merge(data[f.begin:f.end])
		}
		if !ok {
			return 0, nil, errMalformed
		}
		data = data[f.end:]
	}
	if int64(s.number) < 0 {
		return 0, nil, errMalformed
	}
	return int64(s.number), s.text, nil
}

// Status reads the code and the message of a google.rpc.Status. The message is UTF-8 and a part of data.
func Status(data []byte) (code int32, message []byte, err error) {
	var s pair
	if !s.merge(data) {
		return 0, nil, errMalformed
	}
	return int32(s.number), s.text, nil
}

// errMalformedJSON is the error of a response that claims to be JSON.
var errMalformedJSON = errors.New("no valid JSON of a response")

// ExportJSON is Export for the JSON encoding. It takes what a parser of protobuf's JSON takes (protobuf.dev, "ProtoJSON
// Format"): names in camel case or as in the .proto file, and whole numbers in any notation, as a string or not.
func ExportJSON(data []byte) (rejected int64, message []byte, err error) {
	var r map[string]json.RawMessage
	err = json.Unmarshal(data, &r)
	for name, value := range r {
		if err == nil && fieldName(name) == "partialsuccess" {
			rejected, message, err = partialSuccessJSON(value)
		}
	}
	if err != nil {
		return 0, nil, errMalformedJSON
	}
	return rejected, message, nil
}

func partialSuccessJSON(data []byte) (rejected int64, message []byte, err error) {
	var p map[string]json.RawMessage
	err = json.Unmarshal(data, &p)
	for name, value := range p {
		if err != nil {
			break
		}
		switch fieldName(name) {
		case "rejectedspans", "rejecteddatapoints", "rejectedlogrecords":
			var n int64
			n, err = countJSON(value)
			rejected = max(rejected, n)
		case "errormessage":
			var text string
			err = json.Unmarshal(value, &text)
			message = []byte(text)
		}
	}
	return rejected, message, err
}

// fieldName returns a name in JSON in the form that its spellings share.
func fieldName(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// countJSON reads a whole number that is not negative; null is 0.
func countJSON(data []byte) (int64, error) {
	var number json.Number // also takes a string
	if err := json.Unmarshal(data, &number); err != nil || number == "" {
		return 0, err
	}
	if n, err := number.Int64(); err == nil && n >= 0 {
		return n, nil
	}
	f, err := number.Float64() // 3.0 or 3e0
	if err != nil || f != math.Trunc(f) || f < 0 || f >= math.MaxInt64 {
		return 0, errMalformedJSON
	}
	return int64(f), nil
}

// pair is the common form of an Export…PartialSuccess and a google.rpc.Status: a number in field 1 and a text in field
// 2.
type pair struct {
	number uint64
	text   []byte
}

// merge reads another occurrence of the message; false: it is malformed. Protobuf merges repeated occurrences of one
// field.
func (p *pair) merge(data []byte) bool {
	for len(data) > 0 {
		f, ok := firstField(data)
		switch {
		case !ok:
			return false
		case f.number() == 1 && f.wireType() == wireVarint:
			p.number = f.value
		case f.number() == 2 && f.wireType() == wireBytes && utf8.Valid(data[f.begin:f.end]):
			p.text = data[f.begin:f.end]
		case f.number() <= 2:
			return false
		}
		data = data[f.end:]
	}
	return true
}

// field is one field of a message: its tag, the value of a varint, and where its content begins and ends.
type field struct {
	tag, value uint64
	begin, end int
}

func (f field) number() uint64 { return f.tag >> 3 }
func (f field) wireType() int  { return int(f.tag & 7) }

// firstField reads the first field of the message in data, which must not be empty. Groups are malformed: proto3 has
// none.
func firstField(data []byte) (f field, ok bool) {
	tag, n := binary.Uvarint(data)
	if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return f, false
	}
	f.tag, f.begin = tag, n
	switch f.wireType() {
	case wireVarint, wireBytes:
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
