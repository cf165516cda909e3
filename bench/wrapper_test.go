package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/epilogue-go/epilogue/bench/doubledecode"
	"github.com/epilogue-go/epilogue/handler"
)

type (
	request  = events.APIGatewayV2HTTPRequest
	response = events.APIGatewayV2HTTPResponse
)

// user is a handler that costs nothing.
func user(context.Context, request) (response, error) {
	return response{StatusCode: 200, Body: "{}"}, nil
}

// BenchmarkWrapper is the own cost of a wrapper. It excludes the span (the API's no-op), the handler, the encoding of its
// result, and aws-lambda-go's decoding of the event: to the handler's type for epilogue, to any for the rival. It also
// excludes the flush.
func BenchmarkWrapper(b *testing.B) {
	otel.SetTextMapPropagator(propagation.TraceContext{})
	b.Cleanup(func() { otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator()) })
	for _, size := range []struct {
		name string
		body int // bytes of the event's body, as JSON in a string
	}{{"event=1KB", 300}, {"event=1MB", 1 << 20}} {
		payload := eventOf(b, size.body)
		b.Run(size.name+"/impl=epilogue", func(b *testing.B) { benchmarkOurs(b, payload) })
		b.Run(size.name+"/impl=rival", func(b *testing.B) { benchmarkDoubleDecoding(b, payload) })
	}
}

// eventOf is an event whose body has about n bytes.
func eventOf(tb testing.TB, n int) []byte {
	var e request
	if err := json.Unmarshal(event("/orders"), &e); err != nil {
		tb.Fatal(err)
	}
	const line = `{"sku":"tea","quantity":2},`
	e.Body = "[" + strings.TrimSuffix(strings.Repeat(line, n/len(line)), ",") + "]"
	payload, err := json.Marshal(e)
	if err != nil {
		tb.Fatal(err)
	}
	return payload
}

func benchmarkOurs(b *testing.B, payload []byte) {
	var e request
	if err := json.Unmarshal(payload, &e); err != nil {
		b.Fatal(err)
	}
	fn, ok := handler.Wrap(user, handler.WithTracker(tracker{}), handler.WithTracerProvider(noop.NewTracerProvider())).(func(context.Context, request) (io.Reader, error))
	if !ok {
		b.Fatal("the wrapper has another type")
	}
	ctx, out := invocation(b), new(bytes.Buffer)
	own(b, func() {
		r, err := fn(ctx, e)
		if err != nil {
			b.Fatal(err)
		}
		out.Reset()
		_, _ = out.ReadFrom(r)
		_ = r.(io.Closer).Close()
	}, func() {
		result, _ := user(ctx, e)
		var encoded bytes.Buffer
		_ = json.NewEncoder(&encoded).Encode(result)
		out.Reset()
		_, _ = out.ReadFrom(&encoded)
	})
}

func benchmarkDoubleDecoding(b *testing.B, payload []byte) {
	var e request
	var decoded any
	for _, to := range []any{&e, &decoded} {
		if err := json.Unmarshal(payload, to); err != nil {
			b.Fatal(err)
		}
	}
	fn := doubledecode.Wrap(user, func(context.Context) error { return nil })
	ctx := invocation(b)
	own(b, func() {
		if _, err := fn(ctx, decoded); err != nil {
			b.Fatal(err)
		}
	}, func() { _, _ = user(ctx, e) })
}

// own reports the difference of with and without as ns/op and own-allocs/op. Both run in turn, a hundred times each if they
// are short, so that other load on the machine affects both.
func own(b *testing.B, with, without func()) {
	turn := 1
	if timed(1, with) < 100*time.Microsecond {
		turn = 100
	}
	var cost time.Duration
	n := 0
	for b.Loop() {
		cost += timed(turn, with) - timed(turn, without)
		n += turn
	}
	b.ReportMetric(float64(cost.Nanoseconds())/float64(n), "ns/op")
	b.ReportMetric(testing.AllocsPerRun(10, with)-testing.AllocsPerRun(10, without), "own-allocs/op")
}

func timed(n int, f func()) time.Duration {
	begun := time.Now()
	for range n {
		f()
	}
	return time.Since(begun)
}

// invocation is a context as aws-lambda-go makes it.
func invocation(b *testing.B) context.Context {
	ctx, cancel := context.WithDeadline(b.Context(), time.Now().Add(time.Hour))
	b.Cleanup(cancel)
	return lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID:       "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
		InvokedFunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:orders",
	})
}

// tracker is a handler.Tracker that costs nothing.
type tracker struct{}

func (tracker) Attach()                          {}
func (tracker) Begin(string, time.Time, [8]byte) {}
func (tracker) EndOpenSpans(string, string) int  { return 0 }
func (tracker) Flush(string) error               { return nil }
func (tracker) FlushBeforeExit(string)           {}
func (tracker) End(string)                       {}
func (tracker) FlushesAfterEnd(string) bool      { return true }
