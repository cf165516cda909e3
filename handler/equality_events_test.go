package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/epilogue-go/epilogue/handler"
)

// echoTypes are events with all kinds of members, and types of a program's own.
var echoTypes = []reflect.Type{
	reflect.TypeFor[events.APIGatewayProxyRequest](), reflect.TypeFor[*events.APIGatewayV2HTTPRequest](),
	reflect.TypeFor[events.CloudWatchEvent](), reflect.TypeFor[events.CognitoEventUserPoolsPreTokenGenV2_0](),
	reflect.TypeFor[events.DynamoDBEvent](), reflect.TypeFor[events.KafkaEvent](), reflect.TypeFor[events.KinesisEvent](),
	reflect.TypeFor[events.S3Event](), reflect.TypeFor[[]events.SQSMessage](), reflect.TypeFor[events.SNSEvent](),
	reflect.TypeFor[struct {
		HTTPMethod *string
		Headers    map[string]any
		Records    []struct{ Body string }
		Order      float64 `json:"order,string"`
	}](), reflect.TypeFor[map[string]any](), reflect.TypeFor[json.RawMessage](),
}

// echo is a function that takes an event of one type and returns it, without Wrap and with it.
type echo struct {
	bare, wrapped lambda.Handler
	recorder      *recorder
}

func newEcho(event reflect.Type) echo {
	in, out := []reflect.Type{reflect.TypeFor[context.Context](), event}, []reflect.Type{event, reflect.TypeFor[error]()}
	fn := reflect.MakeFunc(reflect.FuncOf(in, out, false), func(args []reflect.Value) []reflect.Value {
		return []reflect.Value{args[1], reflect.Zero(out[1])}
	}).Interface()
	j := newRecorder()
	wrapped := handler.Wrap(fn, append(j.options(true), handler.WithRawEvent(), w3cAndBaggage)...)
	return echo{lambda.NewHandler(fn), lambda.NewHandler(wrapped), j}
}

// FuzzEveryEventType gives any payload and any X-Ray header to functions of events: it is decoded and encoded, or
// refused, as without Wrap.
func FuzzEveryEventType(f *testing.F) {
	var echoes []echo
	payloads := []string{
		`{"Records":[{"body":"<&>","eventTime":"2026-01-02T03:04:05Z"}],"time":1e400,"id":1}`, `null`, `[]`, `"`, ``,
		`{"httpMethod":"GET","path":"/a","resource":"/{x}","headers":{"TraceParent":"` + traceparent + `"}}`,
		`{"rawPath":"/a","requestContext":{"http":{"method":"post"}},"headers":{"baggage":"a=b;c,%zz=1"}}`,
		`{"httpMethod":"\u0000","multiValueHeaders":{"traceparent":["a","b"],"BAGGAGE":[]}}`, "{\"path\":\"\xff\"}",
	}
	for i, event := range echoTypes {
		echoes = append(echoes, newEcho(event))
		for _, payload := range payloads {
			f.Add(uint8(i), []byte(payload), xrayRoot)
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, payload []byte, header string) {
		e, ctx := echoes[int(n)%len(echoes)], withXRay(t.Context(), header)
		want, wantErr := e.bare.Invoke(ctx, payload)
		want = bytes.Clone(want) // of a buffer that the next invocation overwrites
		got, err := e.wrapped.Invoke(ctx, payload)
		spans := e.recorder.reset()
		if fmt.Sprintf("%T %v", err, err) != fmt.Sprintf("%T %v", wantErr, wantErr) || !bytes.Equal(got, want) {
			t.Errorf("%q: %.1000s, %T %v, without Wrap %.1000s, %T %v", payload, got, err, err, want, wantErr, wantErr)
		}
		if spans != 1 && err == nil { // the span of an event that does not decode depends on the event's type
			t.Errorf("%q: %d spans", payload, spans)
		}
	})
}
