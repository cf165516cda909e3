package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/epilogue-go/epilogue/handler"
)

// BenchmarkOwnCost measures the cost of Wrap itself. Both functions are called as aws-lambda-go calls them, by reflection and
// with a decoded event. Their results are encoded and read as it does, and the span is the API's no-op. So the difference
// contains no decode, no encode and no span. It contains reflect.MakeFunc, the attributes, the tracker and the reader of the
// response. event=own is a type without known fields; event=HTTP is one with attributes and traceparent. Compare medians of
// interleaved runs. On a machine with other load, use the least: the difference of the fastest turns.
func BenchmarkOwnCost(b *testing.B) {
	b.Run("event=own", func(b *testing.B) {
		benchmarkOwnCost(b, func(context.Context, Order) (Order, error) { return Order{SKU: "tea"}, nil }, Order{SKU: "tea"})
	})
	b.Run("event=HTTP", func(b *testing.B) {
		var event events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(httpPayload, &event); err != nil {
			b.Fatal(err)
		}
		benchmarkOwnCost(b, func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
			return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: "{}"}, nil
		}, event)
	})
}

func benchmarkOwnCost(b *testing.B, fn, event any) {
	wrapped := handler.Wrap(fn, handler.WithTracker(quietTracker{}), handler.WithTracerProvider(noop.NewTracerProvider()),
		handler.WithPropagator(propagation.TraceContext{}))
	ctx, cancel := context.WithDeadline(b.Context(), time.Now().Add(time.Hour))
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: requestID, InvokedFunctionArn: functionARN})
	with, without := newCaller(ctx, b, wrapped, event), newCaller(ctx, b, fn, event)
	var costs, withs, withouts []time.Duration
	for b.Loop() {
		var w, wo time.Duration
		if len(costs)%2 == 0 { // who comes first finds what the other has left to collect
			w, wo = timed(with.call), timed(without.call)
		} else {
			wo, w = timed(without.call), timed(with.call)
		}
		costs, withs, withouts = append(costs, w-wo), append(withs, w), append(withouts, wo)
	}
	slices.Sort(costs)
	b.ReportMetric(float64(costs[len(costs)/2].Nanoseconds())/turn, "ns/op") // the median
	b.ReportMetric(float64((slices.Min(withs)-slices.Min(withouts)).Nanoseconds())/turn, "least-ns/op")
	b.ReportMetric(testing.AllocsPerRun(100, with.call)-testing.AllocsPerRun(100, without.call), "own-allocs/op")
}

// turn is how often each is called before it is the other's turn, so that what else the machine does falls on both.
const turn = 50

func timed(f func()) time.Duration {
	begun := time.Now()
	for range turn {
		f()
	}
	return time.Since(begun)
}

// caller does with a function what aws-lambda-go does when it has decoded the event.
type caller struct {
	b       *testing.B
	fn      reflect.Value
	args    []reflect.Value
	encoded bytes.Buffer // aws-lambda-go's is from a pool
	posted  []byte
}

func newCaller(ctx context.Context, b *testing.B, fn, event any) *caller {
	return &caller{
		b: b, fn: reflect.ValueOf(fn), args: []reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(event)},
		posted: make([]byte, 4096),
	}
}

func (c *caller) call() {
	out := c.fn.Call(c.args)
	if !out[1].IsNil() {
		c.b.Fatal(out[1])
	}
	result := out[0].Interface()
	c.encoded.Reset()
	if err := json.NewEncoder(&c.encoded).Encode(result); err != nil {
		c.b.Fatal(err)
	}
	reader, ok := result.(io.Reader)
	if !ok {
		reader = &c.encoded
	}
	for {
		if _, err := reader.Read(c.posted); err != nil {
			break
		}
	}
	if closer, ok := reader.(io.Closer); ok {
		_ = closer.Close()
	}
}
