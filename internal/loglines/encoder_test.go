package loglines

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/epilogue-go/epilogue/internal/jsontext/strict"
)

// line returns the line of a record, which must be valid.
func line(t *testing.T, d draft, requestID string) (text string, members map[string]any) {
	t.Helper()
	e := &encoder{names: map[string]bool{}}
	text = string(e.encode(d.record(), requestID))
	if err := strict.Unmarshal([]byte(text), &members); err != nil {
		t.Fatalf("%v\n%.300s", err, text)
	}
	if len(text) > maxLine || strings.Index(text, "\n") != len(text)-1 {
		t.Errorf("%d bytes, line feed at %d", len(text), strings.Index(text, "\n"))
	}
	stamp, _ := members["timestamp"].(string)
	if _, err := time.Parse(time.RFC3339, stamp); err != nil {
		t.Error(err)
	}
	return text, members
}

var everyKind = []attribute.KeyValue{
	attribute.Bool("b", true), attribute.Int64("i", math.MinInt64), attribute.Float64("f", 0.5),
	attribute.Float64("nan", math.NaN()), attribute.String("s", "a\"\n\x1b\xff"),
	attribute.ByteSlice("bytes", []byte{1, 2, 255}),
	{Key: "empty"},
	attribute.BoolSlice("bs", []bool{true, false}), attribute.Int64Slice("is", []int64{1, -2}),
	attribute.Float64Slice("fs", []float64{1, math.Inf(1)}), attribute.StringSlice("ss", []string{"x", "y"}),
	attribute.StringSlice("none", nil), attribute.Slice("l", attribute.StringValue("x"), attribute.Value{}),
	attribute.Map("m", attribute.Int("a", 1), attribute.Map("n", attribute.String("level", "x"))),
}

const everyKindJSON = `"b":true,"i":-9223372036854775808,"f":0.5,"nan":"NaN","s":"a\"\n\u001b` + "\ufffd" + `",` +
	`"bytes":"AQL/","empty":null,"bs":[true,false],"is":[1,-2],"fs":[1,"Infinity"],"ss":["x","y"],"none":[],` +
	`"l":["x",null],"m":{"a":1,"n":{"level":"x"}}`

// ints returns attributes with the keys, numbered from 1.
func ints(keys ...string) (attrs []attribute.KeyValue) {
	for i, key := range keys {
		attrs = append(attrs, attribute.Int(key, i+1))
	}
	return attrs
}

func TestLine(t *testing.T) {
	const head = `{"timestamp":"2026-07-01T12:00:00.123Z","level":"INFO","message":`
	for name, c := range map[string]struct {
		draft draft
		want  string // after head
	}{
		"every kind of attribute": {draft{attrs: everyKind}, `"",` + everyKindJSON + `}`},
		"a body that is a map": {
			draft{body: attribute.MapValue(attribute.Map("m", ints("n")...), attribute.KeyValue{Key: "e"})},
			`{"e":null,"m":{"n":1}}}`,
		},
		"a body that is a number": {draft{body: attribute.IntValue(3)}, `3}`},
		"an event": {
			draft{event: "order.paid", attrs: ints("otel.event.name")},
			`"","otel.event.name":"order.paid","attr.otel.event.name":1}`,
		},
		"names that are taken": {
			draft{attrs: ints("level", "requestId", "attr.level", "a", "a", "timestamp", "message", "trace_id", "span_id",
				cutKey, "x\xff", "x\xfe", "Level")},
			`"","attr.level":1,"attr.requestId":2,"attr.attr.level":3,"a":4,"attr.a":5,"attr.timestamp":6,` +
				`"attr.message":7,"attr.trace_id":8,"attr.span_id":9,"attr.epilogue.truncated":10,` +
				"\"x\ufffd\":11,\"attr.x\ufffd\":12" + `,"Level":13}`,
		},
		"keys of a map that occur twice": {draft{body: attribute.MapValue(ints("a", "b", "a")...)}, `{"a":3,"b":2}}`},
		"a year of five digits":          {draft{timestamp: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, `""}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _ := line(t, c.draft, ""); got != head+c.want+"\n" {
				t.Errorf("got\n%s\nwant\n%s", got, head+c.want)
			}
		})
	}
	got, _ := line(t, draft{
		body: attribute.StringValue("paid"), traced: true, attrs: ints("n"),
		timestamp: time.Date(2026, 7, 1, 14, 0, 0, 0, time.FixedZone("", 7200)),
	}, "8f5e")
	const want = `{"timestamp":"2026-07-01T12:00:00.000Z","level":"INFO","message":"paid","requestId":"8f5e",` +
		`"trace_id":"01000000000000000000000000000002","span_id":"0300000000000004","n":1}` + "\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLevels(t *testing.T) {
	for severity, want := range map[log.Severity]string{
		-1: "INFO", 0: "INFO", 1: "TRACE", 4: "TRACE", 5: "DEBUG", 8: "DEBUG", 9: "INFO", 12: "INFO", 13: "WARN",
		16: "WARN", 17: "ERROR", 20: "ERROR", 21: "FATAL", 24: "FATAL", 25: "FATAL",
	} {
		if _, members := line(t, draft{severity: severity}, ""); members["level"] != want {
			t.Errorf("severity %d: %v, want %s", severity, members["level"], want)
		}
	}
}

// TestCut: a line that would be too long is valid, full and marked, and keeps as much as fits.
func TestCut(t *testing.T) {
	huge, large := strings.Repeat("é\"", 50_000), strings.Repeat("x", 45_000)
	var many []attribute.KeyValue
	for i := range 20_000 {
		many = append(many, attribute.Int(fmt.Sprint("k", i), i))
	}
	type attrs = []attribute.KeyValue
	for name, c := range map[string]struct {
		draft draft
		keeps string // members with their values
	}{
		"a message": {draft{body: attribute.StringValue(huge), attrs: ints("n")}, `"n":1`},
		"a message and an attribute": {
			draft{body: attribute.StringValue(large), attrs: attrs{attribute.String("a", large)}}, `"a":"xxx`,
		},
		"an attribute in the middle": {
			draft{attrs: attrs{attribute.Int("n", 1), attribute.Map("m", many...), attribute.Bool("b", true)}},
			`"n":1,"m":"{\"k0\":0`,
		},
		"a map":           {draft{body: attribute.MapValue(many...)}, `"message":"{\"k0\":0`},
		"bytes":           {draft{attrs: attrs{attribute.ByteSlice("b", make([]byte, 60_000))}}, `"b":"AAA`},
		"many attributes": {draft{attrs: many}, `"k0":0,"k1":1,`},
		"a name":          {draft{attrs: ints(huge, "n")}, `"n":2`},
	} {
		t.Run(name, func(t *testing.T) {
			text, members := line(t, c.draft, "8f5e")
			if members[cutKey] != true || members["requestId"] != "8f5e" || !strings.Contains(text, c.keeps) {
				t.Errorf("%.300s", text)
			}
			if name != "a name" && len(text) < maxMessage {
				t.Errorf("%d bytes", len(text))
			}
		})
	}
	const empty = len(`{"timestamp":"2026-07-01T12:00:00.123Z","level":"INFO","message":""}` + "\n")
	for n := maxLine - 100; n <= maxLine; n++ {
		text, members := line(t, draft{body: attribute.StringValue(strings.Repeat("x", n))}, "")
		whole := empty+n <= maxLine
		if whole != (members[cutKey] == nil) || whole && len(text) != empty+n {
			t.Errorf("a line of %d bytes has %d, cut: %v", empty+n, len(text), members[cutKey])
		}
	}
}

func TestDeepValues(t *testing.T) {
	v := attribute.StringValue("core")
	for range 300 {
		v = attribute.SliceValue(v)
	}
	line(t, draft{attrs: []attribute.KeyValue{{Key: "deep", Value: v}}}, "")
	if got := appendValue(nil, v, maxLine, 0); !strings.Contains(string(got), "core") {
		t.Errorf("%s", got)
	}
}

// FuzzLine asserts that every line is valid JSON without duplicate names, at most 60,000 bytes long, and has all
// members.
func FuzzLine(f *testing.F) {
	f.Add("paid", "level", "a\xff", uint8(3), uint16(10), int64(9))
	f.Add("\x00\u0085\"", "", "attr.level", uint8(200), uint16(5000), int64(-1))
	f.Add("é", "message", "message", uint8(9), uint16(60000), int64(1<<62))
	f.Fuzz(func(t *testing.T, text, key, other string, count uint8, repeat uint16, number int64) {
		value := attribute.StringValue(strings.Repeat(text, int(repeat)/(len(text)+1)))
		d := draft{
			severity: log.Severity(number % 30), body: value, event: other, traced: count%2 == 0,
			timestamp: time.Unix(number, 0),
		}
		for i := range int(count) {
			k, v := key, value
			switch i % 4 {
			case 1:
				k, v = other, attribute.MapValue(ints(key, text, other, key)...)
			case 2:
				v = attribute.SliceValue(attribute.Int64Value(number), v, attribute.ByteSliceValue([]byte(text)))
			case 3:
				k, v = fmt.Sprint(key, i), attribute.Float64Value(math.Float64frombits(uint64(number)))
			}
			d.attrs = append(d.attrs, attribute.KeyValue{Key: attribute.Key(k), Value: v})
		}
		_, members := line(t, d, text)
		for _, name := range []string{"timestamp", "level", "message"} {
			if members[name] == nil {
				t.Errorf("no %s", name)
			}
		}
		if members[cutKey] == nil && text != "" && members["requestId"] != string([]rune(text)) {
			t.Errorf("requestId %q", members["requestId"])
		}
	})
}
