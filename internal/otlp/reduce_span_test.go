package otlp

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// reducedLimit is the limit of the tests below, that of a datagram of the X-Ray daemon.
const reducedLimit = 49_104

// reducedOf returns the span that a request of at most reducedLimit bytes has for stub, after checks of the sizes of
// the request and of a line.
func reducedOf(tb testing.TB, stub tracetest.SpanStub) *tracepb.Span {
	tb.Helper()
	out, fits := new(SpanEncoder).AppendReduced([]byte("before"), stub.Snapshot(), reducedLimit)
	body, kept := bytes.CutPrefix(out, []byte("before"))
	line, lineFits := NewSpanLineEncoder().AppendReducedLine(nil, stub.Snapshot(), reducedLimit)
	if !fits || !lineFits || !kept || len(body) > reducedLimit || len(line) > reducedLimit {
		tb.Fatalf("request of %d bytes (%t), line of %d (%t); want both in %d", len(body), fits, len(line), lineFits, reducedLimit)
	}
	if len(decodeLine(tb, line, new(tracepb.TracesData)).ResourceSpans[0].ScopeSpans[0].Spans) != 1 {
		tb.Error("the line has no span")
	}
	return decodeStrictly(tb, body, new(tracepb.TracesData)).ResourceSpans[0].ScopeSpans[0].Spans[0]
}

// longLinks returns links with trace states of about 500 bytes.
func longLinks(n int) []sdktrace.Link {
	links := make([]sdktrace.Link, n)
	for i := range links {
		links[i].SpanContext = spanContext(byte(i), 7, remote, withState("a="+strings.Repeat("x", 250)+",b="+strings.Repeat("y", 250)))
	}
	return links
}

func manyAttributes(n, bytes int) []attribute.KeyValue {
	kvs := make([]attribute.KeyValue, n)
	for i := range kvs {
		kvs[i] = attribute.String(fmt.Sprintf("attribute.%05d", i), strings.Repeat("x", bytes))
	}
	return kvs
}

// TestTooLargeSpanIsReduced: a span keeps its identity and all of its parts that come later in the order of reduction.
func TestTooLargeSpanIsReduced(t *testing.T) {
	long := strings.Repeat("größe ", 50_000)
	exception := sdktrace.Event{Name: "exception", Attributes: []attribute.KeyValue{attribute.String("exception.type", "E")}}
	const stack = 10_000
	withStack := sdktrace.Event{Name: "exception", Attributes: []attribute.KeyValue{attribute.String("exception.stacktrace", long[:stack])}}
	onlyAttributeDropped := func(s *tracepb.Span) bool {
		return s.DroppedAttributesCount == 4 && s.DroppedEventsCount == 4 && s.DroppedLinksCount == 5 &&
			len(s.Events[1].Attributes[0].Value.GetStringValue()) >= stack
	}
	for name, test := range map[string]struct {
		change func(*tracetest.SpanStub)
		want   func(*tracepb.Span) bool
	}{
		"trace states of links": {
			func(s *tracetest.SpanStub) { s.Links = longLinks(128) },
			func(s *tracepb.Span) bool {
				return len(s.Links) == 128 && s.Links[5].TraceState == "" && len(s.Events) == 1
			},
		},
		"a long attribute": {
			func(s *tracetest.SpanStub) { s.Attributes = append(s.Attributes, attribute.String("long", long)) },
			func(s *tracepb.Span) bool {
				text := s.Attributes[2].Value.GetStringValue()
				return len(s.Attributes) == 3 && len(text) > 40_000 && strings.HasSuffix(text, fmt.Sprintf("ß… (cut, %d bytes)", len(long))) ||
					strings.Contains(text, "… (cut, ")
			},
		},
		"a long name": {
			func(s *tracetest.SpanStub) { s.Name = long },
			func(s *tracepb.Span) bool {
				return len(s.Name) > 40_000 && len(s.Attributes) == 2 && len(s.Events) == 1
			},
		},
		"a long status": {
			func(s *tracetest.SpanStub) { s.Status.Description = long },
			func(s *tracepb.Span) bool { return len(s.Status.Message) > 40_000 && len(s.Attributes) == 2 },
		},
		"a long text of an event": {
			func(s *tracetest.SpanStub) {
				s.Events[0].Attributes = []attribute.KeyValue{attribute.String("exception.stacktrace", long)}
			},
			func(s *tracepb.Span) bool {
				return len(s.Events) == 1 && len(s.Events[0].Attributes[0].Value.GetStringValue()) > 40_000
			},
		},
		"long texts in slices and maps": {
			func(s *tracetest.SpanStub) {
				s.Attributes = append(s.Attributes, attribute.StringSlice("list", []string{"short", long}),
					attribute.KeyValue{Key: "map", Value: attribute.MapValue(attribute.String("k", long), attribute.Int("n", 1))},
					attribute.KeyValue{Key: "slice", Value: attribute.SliceValue(attribute.StringValue(long))},
					attribute.KeyValue{Key: "bytes", Value: attribute.ByteSliceValue([]byte(long))})
			},
			func(s *tracepb.Span) bool {
				return len(s.Attributes) == 6 && s.Attributes[2].Value.GetArrayValue().Values[0].GetStringValue() == "short" &&
					len(s.Attributes[3].Value.GetKvlistValue().Values) == 2 && len(s.Attributes[5].Value.GetBytesValue()) > 1000
			},
		},
		"many texts": {
			func(s *tracetest.SpanStub) { s.Attributes = append(s.Attributes, manyAttributes(300, 1000)...) },
			func(s *tracepb.Span) bool { return len(s.Attributes) == 302 && s.DroppedAttributesCount == 3 },
		},
		"bytes that grow": { // each of them is replaced by three
			func(s *tracetest.SpanStub) {
				s.Attributes = append(s.Attributes, attribute.String("a", strings.Repeat("\xffa", 40_000)))
			},
			func(s *tracepb.Span) bool { return len(s.Attributes) == 3 },
		},
		"events, the exception last": {
			func(s *tracetest.SpanStub) {
				s.Events = append([]sdktrace.Event{exception}, slices.Repeat([]sdktrace.Event{{Name: "e", Attributes: manyAttributes(20, 90)}}, 200)...)
			},
			func(s *tracepb.Span) bool {
				return len(s.Events) > 5 && s.Events[0].Name == "exception" && int(s.DroppedEventsCount) == 4+201-len(s.Events) && len(s.Links) == 1
			},
		},
		"links": {
			func(s *tracetest.SpanStub) { s.Links = longLinks(2000) },
			func(s *tracepb.Span) bool {
				return len(s.Links) > 1000 && s.Links[1].TraceId[0] == 1 && int(s.DroppedLinksCount) == 5+2000-len(s.Links) && len(s.Events) == 1 && len(s.Attributes) == 2
			},
		},
		"attributes, the large and the last first": {
			func(s *tracetest.SpanStub) {
				s.Attributes = append(s.Attributes, manyAttributes(5000, 1)...)
				s.Attributes = append(s.Attributes, attribute.Int64Slice("numbers", make([]int64, 1<<18)))
			},
			func(s *tracepb.Span) bool {
				return len(s.Attributes) > 1000 && s.Attributes[1].Key == "faas.coldstart" && int(s.DroppedAttributesCount) == 3+5003-len(s.Attributes) &&
					!slices.ContainsFunc(s.Attributes, func(kv *commonpb.KeyValue) bool { return kv.Key == "numbers" })
			},
		},
		"a large list, and nothing for it": {
			func(s *tracetest.SpanStub) {
				s.Events, s.Links = []sdktrace.Event{{Name: "e"}, withStack}, longLinks(5)
				s.Attributes = append([]attribute.KeyValue{attribute.StringSlice("list", slices.Repeat([]string{"twenty bytes of text"}, 10_000))}, s.Attributes...)
			},
			func(s *tracepb.Span) bool { return onlyAttributeDropped(s) && len(s.Attributes) == 2 },
		},
		"a large key, and nothing for it": {
			func(s *tracetest.SpanStub) {
				s.Events, s.Links = []sdktrace.Event{{Name: "e"}, withStack}, longLinks(5)
				s.Attributes = append([]attribute.KeyValue{attribute.Int(strings.Repeat("k", 100_000), 1)}, s.Attributes...)
			},
			func(s *tracepb.Span) bool { return onlyAttributeDropped(s) && len(s.Attributes) == 2 },
		},
		"a large list of an exception, and nothing for it": {
			func(s *tracetest.SpanStub) {
				s.Events = []sdktrace.Event{{Name: "e"}, {Name: "exception", Attributes: []attribute.KeyValue{attribute.Int64Slice("n", make([]int64, 1<<16))}}}
			},
			func(s *tracepb.Span) bool {
				return len(s.Events) == 1 && s.Events[0].Name == "e" && len(s.Attributes) == 2 && len(s.Links) == 1
			},
		},
		"many attributes, not the last exception": {
			func(s *tracetest.SpanStub) {
				s.Events, s.Attributes = []sdktrace.Event{exception, exception}, manyAttributes(5000, 1)
			},
			func(s *tracepb.Span) bool { return len(s.Events) == 1 && len(s.Attributes) > 1000 },
		},
		"everything": {
			func(s *tracetest.SpanStub) {
				s.Name, s.Status.Description, s.Links = long, long, longLinks(5000)
				s.Events, s.Attributes = slices.Repeat([]sdktrace.Event{exception}, 5000), manyAttributes(5000, 500)
			},
			func(s *tracepb.Span) bool { return len(s.Attributes) > 100 && s.DroppedEventsCount == 5003 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			stub := baseStub()
			stub.DroppedAttributes, stub.DroppedEvents, stub.DroppedLinks = 3, 4, 5
			stub.Status = sdktrace.Status{Code: codes.Error, Description: "no such sku"}
			test.change(&stub)
			before := wantSpan(stub)
			got := reducedOf(t, stub)
			if !test.want(got) {
				t.Errorf("%d attributes (%d dropped), %d events (%d), %d links (%d), name of %d bytes", len(got.Attributes), got.DroppedAttributesCount,
					len(got.Events), got.DroppedEventsCount, len(got.Links), got.DroppedLinksCount, len(got.Name))
			}
			if !bytes.Equal(got.SpanId, before.SpanId) || got.Status.Code != tracepb.Status_STATUS_CODE_ERROR || got.EndTimeUnixNano != before.EndTimeUnixNano {
				t.Errorf("identity or status differs: %v", got)
			}
			if !proto.Equal(wantSpan(stub), before) {
				t.Error("the original has changed")
			}
		})
	}
}

// TestSpanThatFitsIsNotReduced: a span of exactly the limit stays whole.
func TestSpanThatFitsIsNotReduced(t *testing.T) {
	stub := baseStub()
	for size := 40_000; ; size++ {
		stub.Name = strings.Repeat("x", size)
		whole, _ := new(SpanEncoder).AppendRequest(nil, snapshots([]tracetest.SpanStub{stub}), noLimit)
		if len(whole) > reducedLimit-8 { // less what a request may have for its groups
			break
		}
		if got := reducedOf(t, stub); size%100 == 0 && len(got.Name) != size {
			t.Fatalf("a request of %d bytes has a name of %d instead of %d", len(whole), len(got.Name), size)
		}
		size += 30
	}
}

// TestSpanThatCannotBeReduced: nothing is appended for a span whose identity alone is too large, after a bounded
// effort.
func TestSpanThatCannotBeReduced(t *testing.T) {
	stub := baseStub()
	for limit := -1; limit < 400; limit += 7 {
		out, fits := new(SpanEncoder).AppendReduced([]byte("before"), stub.Snapshot(), limit)
		if fits != (len(out) > len("before")) || len(out) > max(limit, 0)+len("before") {
			t.Errorf("limit %d: %d bytes, fits %t", limit, len(out), fits)
		}
		line, fits := NewSpanLineEncoder().AppendReducedLine([]byte("before"), stub.Snapshot(), limit)
		if fits != (len(line) > len("before")) || len(line) > max(limit, 0)+len("before") {
			t.Errorf("limit %d: line of %d bytes, fits %t", limit, len(line), fits)
		}
	}
}

// TestMaxSpanReduces: the limit of a span counts like that of a request.
func TestMaxSpanReduces(t *testing.T) {
	stub := tracetest.SpanStub{Name: strings.Repeat("x", 5000)}
	body, fits := (&SpanEncoder{MaxSpan: 1000}).AppendReduced(nil, stub.Snapshot(), noLimit)
	if sizes, _ := officialSizes(t, body); !fits || sizes[0] > 1000 || sizes[0] < 990 {
		t.Errorf("a span of %d bytes, fits %t", sizes, fits)
	}
}

// TestHugeSpanIsNotEncodedWhole: the memory for a span depends on the limit, not on the span.
func TestHugeSpanIsNotEncodedWhole(t *testing.T) {
	const huge = 50 << 20
	long := strings.Repeat("x", huge)
	for name, stub := range map[string]tracetest.SpanStub{
		"an attribute": {Attributes: []attribute.KeyValue{attribute.String("a", long)}},
		"a name":       {Name: long},
		"an event":     {Events: []sdktrace.Event{{Attributes: []attribute.KeyValue{attribute.String("a", long)}}}},
		"a list":       {Attributes: []attribute.KeyValue{attribute.StringSlice("a", slices.Repeat([]string{long[:1<<20]}, 50))}},
		"attributes":   {Attributes: slices.Repeat([]attribute.KeyValue{attribute.String("a", long[:1<<20])}, 50)},
	} {
		t.Run(name, func(t *testing.T) {
			span := stub.Snapshot()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, n := new(SpanEncoder).AppendRequest(nil, []sdktrace.ReadOnlySpan{span}, 2<<20)
			_, fits := new(SpanEncoder).AppendReduced(nil, span, 2<<20)
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; n != 0 || !fits || used > huge*4/5 {
				t.Errorf("%d spans, fits %t, %d bytes allocated", n, fits, used)
			}
		})
	}
}

func FuzzCutText(f *testing.F) {
	f.Add("größe 漢字", 10)
	f.Add(strings.Repeat("\xbf", 300), 100)
	f.Fuzz(func(t *testing.T, s string, most int) {
		most = max(most, leastText)
		got := cutText(s, most)
		if len(got) > most || utf8.ValidString(s) && !utf8.ValidString(got) || len(s) <= most && got != s {
			t.Errorf("%q cut to %d bytes is %q", s, most, got)
		}
	})
}
