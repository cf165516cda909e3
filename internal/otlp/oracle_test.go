package otlp

import (
	"bytes"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// signal has the encoders of one signal and its oracle. The oracle builds the expected request with the official types,
// independently of the encoder. Those of TracesData and its like have the wire format of the export requests and do not
// import gRPC.
type signal[T any] struct {
	encoder func() encoder[T]
	lines   func() *LineEncoder[T]
	data    func() proto.Message                       // an empty request
	add     func(request protoreflect.Message, item T) // as the last one of its group
}

// want returns the request that the oracle expects for items.
func (s *signal[T]) want(items []T) proto.Message {
	data := s.data()
	for _, item := range items {
		s.add(data.ProtoReflect(), item)
	}
	return data
}

// wantScope returns the items of a scope of res in request, to which it adds the scope if it is new. Requests of all
// signals have the same field numbers.
func wantScope(request protoreflect.Message, res *resource.Resource, scope instrumentation.Scope) protoreflect.List {
	group := wantGroup(request, 1, &resourcepb.Resource{Attributes: wantKeyValues(res.Attributes())}, res.SchemaURL())
	var owner *commonpb.InstrumentationScope
	if scope.Name+scope.Version != "" || scope.Attributes.Len() > 0 {
		owner = &commonpb.InstrumentationScope{
			Name:       utf8Text(scope.Name),
			Version:    utf8Text(scope.Version),
			Attributes: wantKeyValues(scope.Attributes.ToSlice()),
		}
	}
	group = wantGroup(group, 2, owner, scope.SchemaURL)
	return group.Mutable(field(group, 2)).List()
}

// wantGroup returns the group of owner in a field of m, to which it adds the group if it is new.
func wantGroup(
	m protoreflect.Message, number protoreflect.FieldNumber, owner proto.Message, schemaURL string,
) protoreflect.Message {
	groups := m.Mutable(field(m, number)).List()
	want := groups.NewElement().Message()
	if owner.ProtoReflect().IsValid() {
		want.Set(field(want, 1), protoreflect.ValueOfMessage(owner.ProtoReflect()))
	}
	want.Set(field(want, 3), protoreflect.ValueOfString(utf8Text(schemaURL)))
	for i := range groups.Len() {
		have := groups.Get(i).Message()
		if have.Get(field(have, 3)).Equal(want.Get(field(want, 3))) && have.Has(field(have, 1)) == want.Has(field(want, 1)) &&
			have.Get(field(have, 1)).Equal(want.Get(field(want, 1))) {
			return have
		}
	}
	groups.Append(protoreflect.ValueOfMessage(want))
	return want
}

func field(m protoreflect.Message, number protoreflect.FieldNumber) protoreflect.FieldDescriptor {
	return m.Descriptor().Fields().ByNumber(number)
}

func wantNanos(t time.Time) uint64 {
	n := new(big.Int).Mul(big.NewInt(t.Unix()), big.NewInt(1e9))
	n.Add(n, big.NewInt(int64(t.Nanosecond())))
	last := new(big.Int).SetUint64(math.MaxUint64 / 1e9 * 1e9) // a last second begun is not written out
	switch {
	case n.Sign() < 0:
		return 0
	case n.Cmp(last) >= 0:
		return math.MaxUint64
	}
	return n.Uint64()
}

func wantCount(n int) uint32 {
	switch {
	case n < 0:
		return 0
	case n > math.MaxUint32:
		return math.MaxUint32
	}
	return uint32(n)
}

func utf8Text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func wantKeyValues(kvs []attribute.KeyValue) []*commonpb.KeyValue {
	var out []*commonpb.KeyValue
	for _, kv := range kvs {
		out = append(out, &commonpb.KeyValue{Key: utf8Text(string(kv.Key)), Value: wantValue(kv.Value.AsInterface())})
	}
	return out
}

// wantValue takes plain Go values, including the slices of attributes.
func wantValue(v any) *commonpb.AnyValue {
	switch v := v.(type) {
	case nil:
		return &commonpb.AnyValue{}
	case bool:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: v}}
	case int64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v}}
	case float64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: v}}
	case string:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: utf8Text(v)}}
	case []byte:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: v}}
	case []bool:
		return wantArray(v)
	case []int64:
		return wantArray(v)
	case []float64:
		return wantArray(v)
	case []string:
		return wantArray(v)
	case []attribute.Value:
		plain := make([]any, len(v))
		for i := range v {
			plain[i] = v[i].AsInterface()
		}
		return wantArray(plain)
	case []attribute.KeyValue:
		list := &commonpb.KeyValueList{Values: wantKeyValues(v)}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: list}}
	}
	panic("a kind of attribute that the oracle does not know")
}

func wantArray[T any](items []T) *commonpb.AnyValue {
	list := new(commonpb.ArrayValue)
	for _, item := range items {
		list.Values = append(list.Values, wantValue(item))
	}
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: list}}
}

// decodeStrictly decodes a request into data. It fails the test if that cannot be, or if the request has a field that
// the official types do not have.
func decodeStrictly[M proto.Message](tb testing.TB, body []byte, data M) M {
	tb.Helper()
	if err := proto.Unmarshal(body, data); err != nil {
		tb.Fatalf("official types refuse the request: %v", err)
	}
	requireKnown(tb, data.ProtoReflect())
	return data
}

func requireKnown(tb testing.TB, m protoreflect.Message) {
	tb.Helper()
	if unknown := m.GetUnknown(); len(unknown) > 0 {
		tb.Fatalf("%s has unknown fields: %x", m.Descriptor().FullName(), unknown)
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				requireKnown(tb, v.List().Get(i).Message())
			}
		default:
			requireKnown(tb, v.Message())
		}
		return true
	})
}

// requireEqual fails the test unless body equals the oracle's request for items.
func (s *signal[T]) requireEqual(tb testing.TB, body []byte, items []T) {
	tb.Helper()
	got, want := decodeStrictly(tb, body, s.data()), s.want(items)
	if !proto.Equal(got, want) {
		tb.Fatalf("request differs (-want +got):\n%s", diff(want, got))
	}
	canonical, err := (proto.MarshalOptions{Deterministic: true}).Marshal(want)
	if err != nil || string(canonical) != string(body) {
		tb.Fatalf("request says the same in other bytes than the official marshaller's (error %v):\n got %x\nwant %x",
			err, body, canonical)
	}
}

// diff compares texts. That of the messages themselves takes minutes if values are nested deep.
func diff(want, got proto.Message) string {
	return cmp.Diff(prototext.Format(want), prototext.Format(got))
}

// requireLine fails the test unless line equals the oracle's request for items.
func (s *signal[T]) requireLine(tb testing.TB, line []byte, items []T) {
	tb.Helper()
	if len(items) == 0 {
		if len(line) > 0 {
			tb.Fatalf("a line without an item: %q", line)
		}
		return
	}
	got, want := decodeLine(tb, line, s.data()), s.want(items)
	if !proto.Equal(got, want) {
		tb.Fatalf("line differs (-want +got):\n%s", diff(want, got))
	}
}

// requireEncoded fails the test unless a request and a line with all of items equal the oracle's request.
func (s *signal[T]) requireEncoded(tb testing.TB, items []T) {
	tb.Helper()
	body, n := s.encoder().AppendRequest(nil, items, noLimit)
	line, lines := s.lines().AppendLine(nil, items, noLimit)
	if n != len(items) || lines != n {
		tb.Fatalf("encoded %d and %d items of %d", n, lines, len(items))
	}
	s.requireEqual(tb, body, items)
	s.requireLine(tb, line, items)
}

// testPrefix fails the test unless a request holds the longest prefix of items that fits, less slack bytes for the
// groups, and a line one that is not much shorter.
func (s *signal[T]) testPrefix(t *testing.T, items []T, slack int) {
	for name, appendTo := range map[string]func([]T, int) ([]byte, int){
		"request": func(items []T, limit int) ([]byte, int) {
			return s.encoder().AppendRequest([]byte("before"), items, limit)
		},
		"line": func(items []T, limit int) ([]byte, int) { return s.lines().AppendLine([]byte("before"), items, limit) },
	} {
		t.Run(name, func(t *testing.T) {
			sizes := make([]int, len(items)+1)
			for i := range sizes {
				out, _ := appendTo(items[:i], noLimit)
				sizes[i] = len(out) - len("before")
			}
			for limit := -1; limit <= sizes[len(items)]+slack; limit += 7 {
				out, n := appendTo(items, limit)
				body, kept := bytes.CutPrefix(out, []byte("before"))
				if !kept || len(body) > max(limit, 0) {
					t.Fatalf("%d bytes, limit %d", len(body), limit)
				}
				if longest := len(items); n < longest && sizes[n+1]+slack <= limit && (name == "request" || n == 0) {
					t.Fatalf("limit %d: %d items, and one more fits", limit, n)
				}
				if limit%93 != 0 {
					continue
				}
				if name == "request" {
					s.requireEqual(t, body, items[:n])
				} else {
					s.requireLine(t, body, items[:n])
				}
			}
		})
	}
}

// fuzz fails the test unless requests and lines of items equal the oracle's, whole and cut by limit.
func (s *signal[T]) fuzz(t *testing.T, items []T, limit int) {
	s.requireEncoded(t, items)
	body, n := s.encoder().AppendRequest(nil, items, limit)
	line, lines := s.lines().AppendLine(nil, items, limit)
	if len(body) > max(0, limit) || len(line) > max(0, limit) {
		t.Fatalf("%d and %d bytes, limit %d", len(body), len(line), limit)
	}
	s.requireEqual(t, body, items[:n])
	s.requireLine(t, line, items[:lines])
	if n < len(items) {
		if longer, _ := s.encoder().AppendRequest(nil, items[:n+1], noLimit); len(longer)+2*2*(n+1) <= limit {
			t.Fatalf("%d items taken; %d need %d bytes and fit in %d", n, n+1, len(longer), limit)
		}
	}
}
