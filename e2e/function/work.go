package main

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// order is the event of an invocation.
type order struct {
	Spans int  // how many spans end, besides "work" and the invocation's own
	Plain bool // they have nothing but a name
	Stay  bool // the handler does not return
}

// handle does as it is told, in a span of its own.
func handle(ctx context.Context, o order) (string, error) {
	tracer := otel.Tracer("github.com/epilogue-go/epilogue/e2e/function",
		trace.WithInstrumentationVersion("1.2.3"), trace.WithSchemaURL("https://opentelemetry.io/schemas/1.40.0"),
		trace.WithInstrumentationAttributes(attribute.String("team", "e2e")))
	ctx, span := tracer.Start(ctx, "work", trace.WithAttributes(attribute.Int("spans", o.Spans)))
	defer span.End()
	for i := range o.Spans {
		if o.Plain {
			_, part := tracer.Start(ctx, "part")
			part.End()
			continue
		}
		full(ctx, tracer, i)
	}
	if o.Stay {
		tracer.Start(ctx, "left open")
		select {}
	}
	return "done", nil
}

// full ends a span that has something in every field.
func full(ctx context.Context, tracer trace.Tracer, i int) {
	state, err := trace.ParseTraceState("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")
	if err != nil {
		panic(err)
	}
	sender := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{15: 1}, SpanID: trace.SpanID{0: 1, 7: byte(i)}, TraceFlags: trace.FlagsSampled, TraceState: state, Remote: true,
	})
	_, span := tracer.Start(ctx, "part", trace.WithSpanKind(trace.SpanKind(1+i%5)),
		trace.WithLinks(trace.Link{SpanContext: sender, Attributes: []attribute.KeyValue{attribute.Int("message", i)}}),
		trace.WithAttributes(
			attribute.String("text", "Grüße, \"quoted\" \\ and\na new line \u2028 \x00"), attribute.String("empty", ""),
			attribute.Bool("yes", true), attribute.Int64("large", 1<<62+int64(i)), attribute.Float64("half", 0.5+float64(i)),
			attribute.StringSlice("words", []string{"a", "", "ç"}), attribute.BoolSlice("bits", []bool{true, false}),
			attribute.Int64Slice("numbers", []int64{-1, 1 << 53}), attribute.Float64Slice("parts", []float64{1e-9, -1e21}),
		))
	defer span.End()
	span.AddEvent("weighed", trace.WithAttributes(attribute.Float64("grams", 12.25)))
	switch i % 3 {
	case 0:
		span.SetStatus(codes.Ok, "")
	case 1:
		span.RecordError(errors.New("the box is too small"))
		span.SetStatus(codes.Error, "packed <twice> & more")
	}
}
