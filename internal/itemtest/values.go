package itemtest

import (
	"math"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Items of every kind have these.
var (
	Resource = resource.NewWithAttributes("https://opentelemetry.io/schemas/1.43.0",
		attribute.String("service.name", "orders"), attribute.Int64("faas.max_memory", 128<<20))
	Scope = instrumentation.Scope{
		Name: "example.com/orders", Version: "1.2.3", SchemaURL: "https://example.com/schema",
		Attributes: attribute.NewSet(attribute.String("team", "shop")),
	}
	Time = time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)
)

// Values returns attributes of every kind, without NaN, which an attribute.Set does not have.
func Values() []attribute.KeyValue {
	return []attribute.KeyValue{
		{Key: "empty"},
		{},
		attribute.Bool("true", true), attribute.Bool("false", false), attribute.Bool("", true),
		attribute.Int64("zero", 0), attribute.Int64("max", math.MaxInt64), attribute.Int64("min", math.MinInt64), attribute.Int("-1", -1),
		attribute.Float64("zero", 0), attribute.Float64("-zero", math.Copysign(0, -1)), attribute.Float64("inf", math.Inf(-1)),
		attribute.Float64("smallest", math.SmallestNonzeroFloat64), attribute.Float64("max", math.MaxFloat64),
		attribute.String("empty", ""), attribute.String("text", "größer 漢字 \x00"), attribute.String("long", strings.Repeat("ab", 10_000)),
		attribute.BoolSlice("bools", []bool{true, false}), attribute.BoolSlice("none", nil),
		attribute.Int64Slice("ints", []int64{0, -1, math.MaxInt64, math.MinInt64}), attribute.Int64Slice("none", []int64{}),
		attribute.IntSlice("many", slices.Repeat([]int{7}, 300)),
		attribute.Float64Slice("floats", []float64{0, 1.5, math.Inf(1)}), attribute.Float64Slice("none", nil),
		attribute.StringSlice("strings", []string{"", "a", strings.Repeat("b", 200)}), attribute.StringSlice("none", nil),
		{Key: "bytes", Value: attribute.ByteSliceValue([]byte{0, 0xff, 0x80})},
		{Key: "no bytes", Value: attribute.ByteSliceValue(nil)},
		{Key: "slice", Value: attribute.SliceValue(attribute.Value{}, attribute.BoolValue(false), attribute.StringSliceValue([]string{"x"}))},
		{Key: "empty slice", Value: attribute.SliceValue()},
		{Key: "map", Value: attribute.MapValue(attribute.Int("one", 1), attribute.KeyValue{Key: "inner", Value: attribute.MapValue(attribute.Bool("", false))})},
		{Key: "empty map", Value: attribute.MapValue()},
		attribute.Float64("one third", 1.0/3), attribute.Float64("large", 1e21), attribute.Float64("small", -1.5e-7),
		attribute.String("escapes", "\"\\/\b\f\n\r\t\x00\x1f\x7f\u2028\u2029</script>\U0001F600"),
		attribute.String("\"key\"\n", "{\"resourceSpans\":[]}"),
	}
}
