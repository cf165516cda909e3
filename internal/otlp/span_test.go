package otlp

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/epilogue-go/epilogue/internal/itemtest"
)

const noLimit = math.MaxInt

var (
	testResource = itemtest.Resource
	testScope    = itemtest.Scope
	testTime     = itemtest.Time
)

func spanContext(traceByte, spanByte byte, mutate ...func(*trace.SpanContextConfig)) trace.SpanContext {
	cfg := trace.SpanContextConfig{TraceFlags: trace.FlagsSampled}
	for i := range cfg.TraceID {
		cfg.TraceID[i] = traceByte
	}
	for i := range cfg.SpanID {
		cfg.SpanID[i] = spanByte
	}
	for _, f := range mutate {
		f(&cfg)
	}
	return trace.NewSpanContext(cfg)
}

func remote(cfg *trace.SpanContextConfig) { cfg.Remote = true }

func withState(state string) func(*trace.SpanContextConfig) {
	return func(cfg *trace.SpanContextConfig) {
		parsed, err := trace.ParseTraceState(state)
		if err != nil {
			panic(err)
		}
		cfg.TraceState = parsed
	}
}

// baseStub is a span with every field set.
func baseStub() tracetest.SpanStub {
	return tracetest.SpanStub{
		Name:        "POST /orders",
		SpanContext: spanContext(1, 2, withState("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")),
		Parent:      spanContext(1, 3, remote),
		SpanKind:    trace.SpanKindServer,
		StartTime:   testTime,
		EndTime:     testTime.Add(18 * time.Millisecond),
		Attributes:  []attribute.KeyValue{attribute.String("faas.invocation_id", "f1"), attribute.Bool("faas.coldstart", true)},
		Events: []sdktrace.Event{{
			Name: "exception", Time: testTime.Add(time.Millisecond), DroppedAttributeCount: 1,
			Attributes: []attribute.KeyValue{attribute.String("exception.type", "*errors.errorString")},
		}},
		Links: []sdktrace.Link{{
			SpanContext: spanContext(4, 5, remote, withState("a=1")), DroppedAttributeCount: 2,
			Attributes: []attribute.KeyValue{attribute.String("messaging.message.id", "m1")},
		}},
		Status:            sdktrace.Status{Code: codes.Error, Description: "no such sku"},
		DroppedAttributes: 3, DroppedEvents: 4, DroppedLinks: 5,
		Resource: testResource, InstrumentationScope: testScope,
	}
}

func change(f func(*tracetest.SpanStub)) []tracetest.SpanStub {
	stub := baseStub()
	f(&stub)
	return []tracetest.SpanStub{stub}
}

// fieldTests are spans that differ in one field each.
func fieldTests() map[string][]tracetest.SpanStub {
	invalid := "a\xff\xfeb\xc3"
	huge := math.MaxInt
	return map[string][]tracetest.SpanStub{
		"no spans":                 nil,
		"every field":              {baseStub()},
		"zero span":                {{}},
		"no parent":                change(func(s *tracetest.SpanStub) { s.Parent = trace.SpanContext{} }),
		"remote parent without id": change(func(s *tracetest.SpanStub) { s.Parent = trace.SpanContext{}.WithRemote(true) }),
		"local parent":             change(func(s *tracetest.SpanStub) { s.Parent = spanContext(1, 3) }),
		"not sampled":              change(func(s *tracetest.SpanStub) { s.SpanContext = s.SpanContext.WithTraceFlags(0) }),
		"all trace flags":          change(func(s *tracetest.SpanStub) { s.SpanContext = s.SpanContext.WithTraceFlags(0xff) }),
		"no trace state":           change(func(s *tracetest.SpanStub) { s.SpanContext = spanContext(9, 9) }),
		"ids of ones":              change(func(s *tracetest.SpanStub) { s.SpanContext = spanContext(0xff, 0xff) }),
		"zero times":               change(func(s *tracetest.SpanStub) { s.StartTime, s.EndTime = time.Time{}, time.Time{} }),
		"epoch":                    change(func(s *tracetest.SpanStub) { s.StartTime, s.EndTime = time.Unix(0, 0), time.Unix(0, 1) }),
		"before 1970":              change(func(s *tracetest.SpanStub) { s.StartTime, s.EndTime = time.Unix(-1, 999), time.Unix(0, -1) }),
		"before 1678":              change(func(s *tracetest.SpanStub) { s.StartTime = time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"after 2262":               change(func(s *tracetest.SpanStub) { s.EndTime = time.Date(2300, 1, 1, 0, 0, 0, 1, time.UTC) }),
		"after 2554":               change(func(s *tracetest.SpanStub) { s.EndTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"other zone":               change(func(s *tracetest.SpanStub) { s.StartTime = testTime.In(time.FixedZone("", 3600)) }),
		"empty name":               change(func(s *tracetest.SpanStub) { s.Name = "" }),
		"kind unset":               change(func(s *tracetest.SpanStub) { s.SpanKind = trace.SpanKindUnspecified }),
		"kind internal":            change(func(s *tracetest.SpanStub) { s.SpanKind = trace.SpanKindInternal }),
		"kind client":              change(func(s *tracetest.SpanStub) { s.SpanKind = trace.SpanKindClient }),
		"kind producer":            change(func(s *tracetest.SpanStub) { s.SpanKind = trace.SpanKindProducer }),
		"kind consumer":            change(func(s *tracetest.SpanStub) { s.SpanKind = trace.SpanKindConsumer }),
		"kind unknown":             change(func(s *tracetest.SpanStub) { s.SpanKind = 77 }),
		"status unset":             change(func(s *tracetest.SpanStub) { s.Status = sdktrace.Status{} }),
		"status ok":                change(func(s *tracetest.SpanStub) { s.Status = sdktrace.Status{Code: codes.Ok} }),
		"status unknown":           change(func(s *tracetest.SpanStub) { s.Status.Code = 9 }),
		"counts negative":          change(func(s *tracetest.SpanStub) { s.DroppedAttributes, s.DroppedEvents, s.DroppedLinks = -1, -2, -3 }),
		"counts huge":              change(func(s *tracetest.SpanStub) { s.DroppedAttributes, s.DroppedEvents, s.DroppedLinks = huge, huge, huge }),
		"counts at the limit":      change(func(s *tracetest.SpanStub) { s.DroppedAttributes, s.DroppedEvents = math.MaxUint32, math.MaxUint32-1 }),
		"empty event and link":     change(func(s *tracetest.SpanStub) { s.Events, s.Links = make([]sdktrace.Event, 1), make([]sdktrace.Link, 1) }),
		"many events and links": change(func(s *tracetest.SpanStub) {
			s.Events, s.Links = slices.Repeat(s.Events, 500), slices.Repeat(s.Links, 500)
		}),
		"many attributes":         change(func(s *tracetest.SpanStub) { s.Attributes = slices.Repeat(s.Attributes, 1000) }),
		"long strings":            change(func(s *tracetest.SpanStub) { s.Name = strings.Repeat("x", 3<<20) }),
		"no resource":             change(func(s *tracetest.SpanStub) { s.Resource = nil }),
		"empty resource":          change(func(s *tracetest.SpanStub) { s.Resource = resource.Empty() }),
		"no scope":                change(func(s *tracetest.SpanStub) { s.InstrumentationScope = instrumentation.Scope{} }),
		"scope with schema only":  change(func(s *tracetest.SpanStub) { s.InstrumentationScope = instrumentation.Scope{SchemaURL: "u"} }),
		"scope with version only": change(func(s *tracetest.SpanStub) { s.InstrumentationScope = instrumentation.Scope{Version: "v"} }),
		"not UTF-8": change(func(s *tracetest.SpanStub) {
			s.Name, s.Status.Description, s.Events[0].Name = invalid, invalid, invalid
			s.Attributes = []attribute.KeyValue{attribute.String(invalid, invalid), attribute.StringSlice("s", []string{invalid, "ok"})}
			s.Resource = resource.NewWithAttributes(invalid, attribute.String(invalid, invalid))
			s.InstrumentationScope = instrumentation.Scope{Name: invalid, Version: invalid, SchemaURL: invalid}
		}),
		"groups interleaved": interleaved(40),
	}
}

func TestSpanEncoderFields(t *testing.T) {
	for name, stubs := range fieldTests() {
		t.Run(name, func(t *testing.T) { requireEncoded(t, stubs) })
	}
}

// interleaved returns spans of several resources and scopes in turn. Some of these differ in a schema URL only.
func interleaved(n int) []tracetest.SpanStub {
	resources := []*resource.Resource{
		testResource,
		resource.NewWithAttributes("other", testResource.Attributes()...),
		resource.NewSchemaless(attribute.String("service.name", "prices")),
	}
	scopes := []instrumentation.Scope{{}, testScope, {Name: testScope.Name}, {Name: testScope.Name, Version: "2"}, {SchemaURL: "u"}}
	stubs := make([]tracetest.SpanStub, n)
	for i := range stubs {
		stubs[i] = baseStub()
		stubs[i].Name = strings.Repeat("n", i*7%150)
		stubs[i].Resource = resources[i%len(resources)]
		stubs[i].InstrumentationScope = scopes[i*i%len(scopes)]
	}
	return stubs
}

// valueTests are attributes of every kind.
func valueTests() []attribute.KeyValue {
	return append(itemtest.Values(), attribute.KeyValue{Key: "nested", Value: nested(maxNesting)})
}

// everywhere has kv in each place where attributes are.
func everywhere(kv attribute.KeyValue) tracetest.SpanStub {
	only := []attribute.KeyValue{kv}
	return tracetest.SpanStub{
		Attributes:           only,
		Events:               []sdktrace.Event{{Attributes: only}},
		Links:                []sdktrace.Link{{Attributes: only}},
		Resource:             resource.NewSchemaless(only...),
		InstrumentationScope: instrumentation.Scope{Name: "s", Attributes: attribute.NewSet(only...)},
	}
}

func TestSpanEncoderValues(t *testing.T) {
	for _, kv := range valueTests() {
		t.Run(kv.Value.Type().String()+" "+string(kv.Key), func(t *testing.T) { requireEncoded(t, []tracetest.SpanStub{everywhere(kv)}) })
	}
	t.Run("NaN", func(t *testing.T) { // an attribute.Set has no NaN
		requireEncoded(t, []tracetest.SpanStub{{Attributes: []attribute.KeyValue{
			attribute.Float64("nan", math.NaN()), attribute.Float64Slice("none of them", []float64{math.NaN(), math.Inf(-1)}),
		}}})
	})
}

// nested returns maps and arrays in turn, levels deep, around a number.
func nested(levels int) attribute.Value {
	v := attribute.IntValue(1)
	for i := range levels {
		if i%2 == 0 {
			v = attribute.MapValue(attribute.KeyValue{Key: "k", Value: v})
		} else {
			v = attribute.SliceValue(v)
		}
	}
	return v
}

func TestSpanEncoderSendsTooDeepAsText(t *testing.T) {
	const more = 5
	spans := snapshots([]tracetest.SpanStub{{Attributes: []attribute.KeyValue{{Key: "deep", Value: nested(maxNesting + more)}}}})
	body, _ := new(SpanEncoder).AppendRequest(nil, spans, noLimit)
	line, _ := NewSpanLineEncoder().AppendLine(nil, spans, noLimit)
	request := decodeStrictly(t, body, new(tracepb.TracesData))
	if !proto.Equal(request, decodeLine(t, line, new(tracepb.TracesData))) { // cmp.Diff would take ages
		t.Errorf("line and request differ: %s", line)
	}
	got := request.ResourceSpans[0].ScopeSpans[0].Spans[0].Attributes[0].Value
	for range maxNesting {
		if list := got.GetKvlistValue(); list != nil {
			got = list.Values[0].Value
		} else {
			got = got.GetArrayValue().Values[0]
		}
	}
	if want := nested(more).String(); got.GetStringValue() != want {
		t.Errorf("below the deepest level is %v, want the text %q", got, want)
	}
}

func TestSpanPrefix(t *testing.T) {
	const slack = 9 * 2 // of groups
	spanSignal.testPrefix(t, snapshots(interleaved(12)), slack)
}

func TestSpanEncoderCountsNilSpans(t *testing.T) {
	stub := baseStub()
	body, n := new(SpanEncoder).AppendRequest(nil, []sdktrace.ReadOnlySpan{nil, stub.Snapshot(), nil}, noLimit)
	if n != 3 {
		t.Errorf("n = %d, want 3", n)
	}
	requireEqual(t, body, []tracetest.SpanStub{stub})
}

func TestSpanEncoderReused(t *testing.T) {
	e := new(SpanEncoder)
	large := change(func(s *tracetest.SpanStub) { s.Name = strings.Repeat("x", 1<<21) })
	for _, stubs := range [][]tracetest.SpanStub{interleaved(30), {baseStub()}, large, interleaved(7), nil, {{}}} {
		body, _ := e.AppendRequest(nil, snapshots(stubs), noLimit)
		requireEqual(t, body, stubs)
	}
}

func TestSpanEncoderAllocatesNothing(t *testing.T) {
	spans := itemtest.Spans(100)
	e := new(SpanEncoder)
	dst, _ := e.AppendRequest(nil, spans, noLimit)
	allocs := testing.AllocsPerRun(20, func() { dst, _ = e.AppendRequest(dst[:0], spans, noLimit) })
	if allocs > 0 {
		t.Errorf("%v allocations for a request of %d spans, want none", allocs, len(spans))
	}
}

// BenchmarkEncoder is a full batch of a large flush. Its rival, the official transform, is in bench.
func BenchmarkEncoder(b *testing.B) {
	b.Run("impl=epilogue", func(b *testing.B) {
		spans := itemtest.Spans(10_000)
		e := new(SpanEncoder)
		dst, _ := e.AppendRequest(nil, spans, noLimit)
		b.ReportAllocs()
		for b.Loop() {
			dst, _ = e.AppendRequest(dst[:0], spans, noLimit)
		}
	})
}

// An unused buffer grows once to the size estimated from the first spans. Growing step by step was half of the encoding
// cost of a process whose first flush of many spans is its last.
func TestSpanEncoderGuessesTheSize(t *testing.T) {
	spans := itemtest.Spans(2000)
	var full SpanEncoder
	whole, _ := full.AppendRequest(nil, spans, noLimit)
	for _, limit := range []int{noLimit, len(whole) / 2} {
		var e SpanEncoder
		body, n := e.AppendRequest(nil, spans, limit)
		if n == 0 || cap(body) > len(body)*5/4 || cap(e.text) > len(body)*3/2 {
			t.Errorf("%d bytes, and %d for the spans, for a request of %d", cap(body), cap(e.text), len(body))
		}
	}
}
