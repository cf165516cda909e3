package otlp

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/epilogue-go/epilogue/internal/itemtest"
)

var logSignal = signal[sdklog.Record]{
	encoder: func() encoder[sdklog.Record] { return new(LogEncoder) },
	lines:   NewLogLineEncoder,
	data:    func() proto.Message { return new(logspb.LogsData) },
	add: func(request protoreflect.Message, record sdklog.Record) {
		scope := wantScope(request, record.Resource(), record.InstrumentationScope())
		scope.Append(protoreflect.ValueOfMessage(wantRecord(record).ProtoReflect()))
	},
}

func wantRecord(r sdklog.Record) *logspb.LogRecord {
	want := &logspb.LogRecord{
		TimeUnixNano:           wantNanos(r.Timestamp()),
		ObservedTimeUnixNano:   wantNanos(r.ObservedTimestamp()),
		SeverityText:           utf8Text(r.SeverityText()),
		Body:                   wantValue(r.Body().AsInterface()),
		DroppedAttributesCount: wantCount(r.DroppedAttributes()),
		Flags:                  uint32(r.TraceFlags()),
		EventName:              utf8Text(r.EventName()),
	}
	if _, known := logspb.SeverityNumber_name[int32(r.Severity())]; known {
		want.SeverityNumber = logspb.SeverityNumber(r.Severity())
	}
	r.WalkAttributes(func(kv attribute.KeyValue) bool {
		want.Attributes = append(want.Attributes, wantKeyValues([]attribute.KeyValue{kv})...)
		return true
	})
	if id := r.TraceID(); id.IsValid() {
		want.TraceId = id[:]
	}
	if id := r.SpanID(); id.IsValid() {
		want.SpanId = id[:]
	}
	return want
}

func fullRecord(changes ...func(*sdklog.Record)) sdklog.Record {
	return itemtest.Record(testResource, testScope, func(r *sdklog.Record) {
		itemtest.Fill(r)
		for _, change := range changes {
			change(r)
		}
	})
}

func TestLogEncoderFields(t *testing.T) {
	invalid := "a\xff\xfeb\xc3"
	empty := func(*sdklog.Record) {}
	tests := map[string]sdklog.Record{
		"every field":        fullRecord(),
		"no field":           itemtest.Record(nil, instrumentation.Scope{}, empty),
		"scope without name": itemtest.Record(testResource, instrumentation.Scope{SchemaURL: "u"}, itemtest.Fill),
		"zero":               {},
		"no ids":             fullRecord(func(r *sdklog.Record) { r.SetTraceID(trace.TraceID{}); r.SetSpanID(trace.SpanID{}) }),
		"all flags":          fullRecord(func(r *sdklog.Record) { r.SetTraceFlags(0xff) }),
		"before 1970":        fullRecord(func(r *sdklog.Record) { r.SetTimestamp(time.Unix(-1, 0)) }),
		"after 2262":         fullRecord(func(r *sdklog.Record) { r.SetObservedTimestamp(time.Date(2300, 1, 1, 0, 0, 0, 1, time.UTC)) }),
		"severity negative":  fullRecord(func(r *sdklog.Record) { r.SetSeverity(-1) }),
		"severity too large": fullRecord(func(r *sdklog.Record) { r.SetSeverity(25) }),
		"not UTF-8": itemtest.Record(resource.NewWithAttributes(invalid, attribute.String("k", invalid)),
			instrumentation.Scope{Name: invalid, Version: invalid, SchemaURL: invalid}, func(r *sdklog.Record) {
				r.SetEventName(invalid)
				r.SetSeverityText(invalid)
				r.SetBody(attribute.StringValue(invalid))
				r.SetAttributes(attribute.String("k"+invalid, invalid))
			}),
		"many attributes": fullRecord(func(r *sdklog.Record) { r.AddAttributes(manyAttributes(300, 20)...) }),
		"dropped attributes": itemtest.Record(testResource, testScope, func(r *sdklog.Record) {
			r.SetAttributes(manyAttributes(9, 1)...)
		}, sdklog.WithAttributeCountLimit(2)),
	}
	for severity := range int(log.SeverityFatal4) + 1 {
		tests[log.Severity(severity).String()] = fullRecord(func(r *sdklog.Record) { r.SetSeverity(log.Severity(severity)) })
	}
	for name, record := range tests {
		t.Run(name, func(t *testing.T) { logSignal.requireEncoded(t, []sdklog.Record{record}) })
	}
}

func TestLogEncoderValues(t *testing.T) {
	values := append(valueTests(), attribute.Float64("nan", math.NaN()))
	for _, kv := range values {
		t.Run(kv.Value.Type().String()+" "+string(kv.Key), func(t *testing.T) {
			logSignal.requireEncoded(t, []sdklog.Record{fullRecord(func(r *sdklog.Record) {
				r.SetBody(kv.Value)
				r.SetAttributes(attribute.KeyValue{Key: "k" + kv.Key, Value: kv.Value})
			})})
		})
	}
}

// interleavedRecords returns records of several resources and scopes in turn.
func interleavedRecords(n int) []sdklog.Record {
	var records []sdklog.Record
	for _, stub := range interleaved(n) {
		records = append(records, itemtest.Record(stub.Resource, stub.InstrumentationScope, func(r *sdklog.Record) {
			itemtest.Fill(r)
			r.SetBody(attribute.StringValue(stub.Name))
		}))
	}
	return records
}

func TestLogPrefix(t *testing.T) {
	logSignal.requireEncoded(t, interleavedRecords(40))
	logSignal.testPrefix(t, interleavedRecords(12), 9*2)
}

func TestLogEncoderAllocatesNothing(t *testing.T) {
	records := interleavedRecords(100)
	e := new(LogEncoder)
	dst, _ := e.AppendRequest(nil, records, noLimit)
	if allocs := testing.AllocsPerRun(20, func() { dst, _ = e.AppendRequest(dst[:0], records, noLimit) }); allocs > 0 {
		t.Errorf("%v allocations for a request of %d records, want none", allocs, len(records))
	}
}

// TestTooLargeRecordIsReduced: strings are cut first. Attributes are dropped if that is not enough.
func TestTooLargeRecordIsReduced(t *testing.T) {
	long := strings.Repeat("größe ", 50_000)
	for name, test := range map[string]struct {
		change func(*sdklog.Record)
		want   func(*logspb.LogRecord) bool
	}{
		"a long body": {
			func(r *sdklog.Record) { r.SetBody(attribute.StringValue(long)) },
			func(r *logspb.LogRecord) bool {
				return len(r.Body.GetStringValue()) > 40_000 && len(r.Attributes) == 2 && r.DroppedAttributesCount == 0
			},
		},
		"a long text in a body": {
			func(r *sdklog.Record) {
				r.SetBody(attribute.MapValue(attribute.String("k", long), attribute.Int("n", 1)))
			},
			func(r *logspb.LogRecord) bool {
				return len(r.Body.GetKvlistValue().Values) == 2 && len(r.Attributes) == 2
			},
		},
		"a long attribute": {
			func(r *sdklog.Record) { r.AddAttributes(attribute.String("long", long)) },
			func(r *logspb.LogRecord) bool {
				return len(r.Attributes[2].Value.GetStringValue()) > 40_000 && r.Body.GetStringValue() == "no such sku"
			},
		},
		"long names": {
			func(r *sdklog.Record) { r.SetEventName(long); r.SetSeverityText(long) },
			func(r *logspb.LogRecord) bool { return len(r.EventName) > 20_000 && len(r.SeverityText) > 20_000 },
		},
		"a large list": {
			func(r *sdklog.Record) {
				r.SetAttributes(attribute.Int64Slice("n", make([]int64, 1<<16)), attribute.Int("a", 1))
			},
			func(r *logspb.LogRecord) bool { return len(r.Attributes) == 1 && r.DroppedAttributesCount == 1 },
		},
		"many attributes": {
			func(r *sdklog.Record) { r.AddAttributes(manyAttributes(5000, 1)...) },
			func(r *logspb.LogRecord) bool {
				return len(r.Attributes) > 1000 && int(r.DroppedAttributesCount) == 5002-len(r.Attributes)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			record := fullRecord(test.change)
			before := wantRecord(record)
			out, fits := new(LogEncoder).AppendReduced([]byte("before"), record, reducedLimit)
			body, kept := bytes.CutPrefix(out, []byte("before"))
			line, lineFits := NewLogLineEncoder().AppendReducedLine(nil, record, reducedLimit)
			if !fits || !lineFits || !kept || len(body) > reducedLimit || len(line) > reducedLimit {
				t.Fatalf("request of %d bytes (%t), line of %d (%t)", len(body), fits, len(line), lineFits)
			}
			decodeLine(t, line, new(logspb.LogsData))
			got := decodeStrictly(t, body, new(logspb.LogsData)).ResourceLogs[0].ScopeLogs[0].LogRecords[0]
			if !test.want(got) || !bytes.Equal(got.SpanId, before.SpanId) || got.TimeUnixNano != before.TimeUnixNano {
				t.Errorf("%d attributes (%d dropped), %d bytes", len(got.Attributes), got.DroppedAttributesCount, proto.Size(got))
			}
			if !proto.Equal(wantRecord(record), before) {
				t.Error("the original has changed")
			}
		})
	}
	t.Run("a body of numbers", func(t *testing.T) {
		record := fullRecord(func(r *sdklog.Record) { r.SetBody(attribute.Int64SliceValue(make([]int64, 1<<16))) })
		if out, fits := new(LogEncoder).AppendReduced([]byte("before"), record, reducedLimit); fits || string(out) != "before" {
			t.Errorf("fits %t, %d bytes; want too large", fits, len(out))
		}
	})
}

// BenchmarkLogEncoder is a batch of 1,000 records. Its rival, the official transform, is in bench.
func BenchmarkLogEncoder(b *testing.B) {
	b.Run("impl=epilogue", func(b *testing.B) {
		records := itemtest.Records(1000)
		e := new(LogEncoder)
		dst, _ := e.AppendRequest(nil, records, noLimit)
		b.ReportAllocs()
		for b.Loop() {
			dst, _ = e.AppendRequest(dst[:0], records, noLimit)
		}
	})
}
