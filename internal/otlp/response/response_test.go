package response

import (
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/epilogue-go/epilogue/internal/itemtest"
)

// partialSuccess is an ExportTraceServiceResponse written with protobuf's own functions.
func partialSuccess(rejected int64, message string) []byte {
	var inner []byte
	inner = protowire.AppendTag(inner, 1, protowire.VarintType)
	inner = protowire.AppendVarint(inner, uint64(rejected))
	inner = protowire.AppendTag(inner, 2, protowire.BytesType)
	inner = protowire.AppendString(inner, message)
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), inner)
}

// rpcStatus is a google.rpc.Status.
func rpcStatus(code int32, message string) []byte {
	out := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(code))
	out = protowire.AppendString(protowire.AppendTag(out, 2, protowire.BytesType), message)
	return protowire.AppendString(protowire.AppendTag(out, 3, protowire.BytesType), "details without a reader")
}

func TestExport(t *testing.T) {
	unknown := protowire.AppendFixed64(protowire.AppendTag(nil, 9, protowire.Fixed64Type), 1)
	unknown = protowire.AppendFixed32(protowire.AppendTag(unknown, 10, protowire.Fixed32Type), 1)
	unknown = protowire.AppendVarint(protowire.AppendTag(unknown, 1000, protowire.VarintType), 1<<63)
	tests := map[string]struct {
		data     []byte
		rejected int64
		message  string
		bad      bool
	}{
		"empty":                     {},
		"empty partial success":     {data: []byte{0x0a, 0}},
		"rejected":                  {data: partialSuccess(7, "too old"), rejected: 7, message: "too old"},
		"warning":                   {data: partialSuccess(0, "deprecated"), message: "deprecated"},
		"unknown fields":            {data: append(unknown, partialSuccess(1, "")...), rejected: 1},
		"merged":                    {data: append(partialSuccess(1, "a"), partialSuccess(2, "b")...), rejected: 2, message: "b"},
		"cut off":                   {data: partialSuccess(7, "too old")[:5], bad: true},
		"length beyond the end":     {data: []byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}, bad: true},
		"negative count":            {data: partialSuccess(-1, "?"), bad: true},
		"wrong type outside":        {data: []byte{0x08, 1}, bad: true},
		"wrong type inside":         {data: []byte{0x0a, 2, 0x0a, 0}, bad: true},
		"message of the wrong type": {data: []byte{0x0a, 2, 0x10, 1}, bad: true},
		"message not UTF-8":         {data: partialSuccess(0, "\xff"), bad: true},
		"field 0":                   {data: []byte{0x02, 0}, bad: true},
		"group":                     {data: []byte{0x0b, 0x0c}, bad: true},
		"varint too long":           {data: []byte{0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, bad: true},
		"fixed64 cut off":           {data: []byte{0x49, 1, 2, 3}, bad: true},
		"text":                      {data: []byte("<html>"), bad: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rejected, message, err := Export(test.data)
			if rejected != test.rejected || string(message) != test.message || (err != nil) != test.bad {
				t.Errorf("got %d, %q, %v", rejected, message, err)
			}
		})
	}
}

// TestExportJSON reads what a parser of protobuf's JSON reads, and reports the rest.
func TestExportJSON(t *testing.T) {
	for data, want := range map[string]struct {
		rejected int64
		message  string
		bad      bool
	}{
		`{}`: {}, `{"partialSuccess":{}}`: {}, `{"partialSuccess":null}`: {}, `{"other":1}`: {},
		`{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}`:       {rejected: 3, message: "no"},
		`{"partial_success":{"rejected_spans":"3","error_message":"no"}}`:    {rejected: 3, message: "no"},
		`{"partial_success":{"rejected_data_points":3}}`:                     {rejected: 3},
		`{"partial_success":{"rejected_log_records":3}}`:                     {rejected: 3},
		`{"partialSuccess":{"rejectedSpans":3.0}}`:                           {rejected: 3},
		`{"partialSuccess":{"rejectedSpans":3e0}}`:                           {rejected: 3},
		`{"partialSuccess":{"rejectedSpans":"3.0"}}`:                         {rejected: 3},
		`{"partialSuccess":{"rejectedSpans":"9007199254740993"}}`:            {rejected: 1<<53 + 1},
		`{"partialSuccess":{"rejectedSpans":null,"errorMessage":null}}`:      {},
		`{"partialSuccess":{"rejectedSpans":-1}}`:                            {bad: true},
		`{"partialSuccess":{"rejectedSpans":0.5}}`:                           {bad: true},
		`{"partialSuccess":{"rejectedSpans":"9223372036854775808"}}`:         {bad: true},
		`{"partialSuccess":{"rejectedSpans":1e999}}`:                         {bad: true},
		`{"partialSuccess":{"rejectedSpans":"three","errorMessage":"no"}}`:   {bad: true},
		`{"partialSuccess":{"rejectedSpans":[3]}}`:                           {bad: true},
		`{"partialSuccess":{"rejectedSpans":3,"errorMessage":{"text":"a"}}}`: {bad: true},
		`{"partialSuccess":[]}`:                                              {bad: true}, `[]`: {bad: true}, `{`: {bad: true}, ``: {bad: true},
	} {
		rejected, message, err := ExportJSON([]byte(data))
		if rejected != want.rejected || string(message) != want.message || (err != nil) != want.bad {
			t.Errorf("%s: got %d, %q, %v", data, rejected, message, err)
		}
	}
}

func TestStatus(t *testing.T) {
	code, message, err := Status(rpcStatus(3, "bad span"))
	if code != 3 || string(message) != "bad span" || err != nil {
		t.Errorf("got %d, %q, %v", code, message, err)
	}
	if _, _, err := Status([]byte("no protobuf")); err == nil {
		t.Error("text is taken for a status")
	}
}

// reference reads the common form of an Export…PartialSuccess and a google.rpc.Status with protowire; ok is false if it
// is malformed.
func (p *reference) read(data []byte) (ok bool) {
	return eachField(data, func(num protowire.Number, typ protowire.Type, value []byte) bool {
		switch {
		case num == 1 && typ == protowire.VarintType:
			p.number, _ = protowire.ConsumeVarint(value)
		case num == 2 && typ == protowire.BytesType:
			p.text, _ = protowire.ConsumeString(value)
			return utf8.ValidString(p.text)
		case num <= 2:
			return false
		}
		return true
	})
}

type reference struct {
	number uint64
	text   string
}

func eachField(data []byte, visit func(protowire.Number, protowire.Type, []byte) bool) bool {
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 || num > protowire.MaxValidNumber || typ == protowire.StartGroupType {
			return false
		}
		data = data[n:]
		n = protowire.ConsumeFieldValue(num, typ, data)
		if n < 0 || !visit(num, typ, data[:n]) {
			return false
		}
		data = data[n:]
	}
	return true
}

// FuzzResponse compares Export and Status with protowire's reading.
func FuzzResponse(f *testing.F) {
	f.Add([]byte{})
	f.Add(partialSuccess(3, "too old"))
	f.Add([]byte("\xf8\xb5\xf8\xf32\x00")) // a field number that is too large
	f.Add(partialSuccess(1<<62, "a")[:7])
	f.Add(append(rpcStatus(3, "x"), partialSuccess(1, "")...))
	f.Add(append(rpcStatus(7, "first"), rpcStatus(-1, "second")...))
	f.Add(rpcStatus(1<<30, "wide")[:5])
	f.Fuzz(func(t *testing.T, data []byte) {
		var export, status reference
		valid := eachField(data, func(num protowire.Number, typ protowire.Type, value []byte) bool {
			inner, _ := protowire.ConsumeBytes(value)
			return num != 1 || typ == protowire.BytesType && export.read(inner)
		}) && int64(export.number) >= 0
		rejected, message, err := Export(data)
		if valid != (err == nil) || valid && (rejected != int64(export.number) || string(message) != export.text) {
			t.Errorf("response: got %d, %q, %v; protowire reads %+v, valid: %t", rejected, message, err, export, valid)
		}
		valid = status.read(data)
		code, message, err := Status(data)
		if valid != (err == nil) || valid && (code != int32(status.number) || string(message) != status.text) {
			t.Errorf("status: got %d, %q, %v; protowire reads %+v, valid: %t", code, message, err, status, valid)
		}
	})
}

// BenchmarkResponse decodes a response with rejected spans. Its rival in bench uses the official types, which also copy
// the message to a string.
func BenchmarkResponse(b *testing.B) {
	b.Run("impl=epilogue", func(b *testing.B) {
		data := partialSuccess(itemtest.Rejected, itemtest.RejectedMessage)
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := Export(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
