package handler_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/handler/internal/trigger/corpus"
)

func taking[T any]() func(T) error { return func(T) error { return nil } }

// takingType returns a function that takes a type of the corpus.
func takingType(event reflect.Type) any {
	fn := reflect.FuncOf([]reflect.Type{event}, []reflect.Type{reflect.TypeFor[error]()}, false)
	return reflect.MakeFunc(fn, func([]reflect.Value) []reflect.Value {
		return []reflect.Value{reflect.Zero(reflect.TypeFor[error]())}
	}).Interface()
}

// document returns a document of the corpus, and of its golden file the name, the kind and the attributes.
func document(t *testing.T, name string) (text []byte, golden []string) {
	t.Helper()
	base := filepath.Join("internal", "trigger", "testdata", "events", name)
	text, err := os.ReadFile(base + ".json")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(base + ".golden")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "name: ") || strings.HasPrefix(line, "kind: ") || strings.Contains(line, " = ") {
			golden = append(golden, strings.TrimSpace(line))
		}
	}
	slices.Sort(golden)
	return text, golden
}

// TestTriggers: the span of each document is its golden file's, whatever form the function takes it in.
func TestTriggers(t *testing.T) {
	setFunction(t, "", "")
	for name, event := range corpus.Types {
		text, golden := document(t, name)
		forms := map[string]any{
			"typed": takingType(event), "map": taking[map[string]any](), "raw message": taking[json.RawMessage](), "any": taking[any](),
			"own type": taking[struct{ X, Y string }](), "pointer to own type": taking[*struct{ Z []int }](),
			"handler": bytesHandler(func(context.Context, []byte) ([]byte, error) { return nil, nil }),
		}
		if text[0] == '[' {
			forms["map"], forms["own type"], forms["pointer to own type"] = taking[[]map[string]any](), taking[[]struct{ X, Y string }](), taking[*[]any]()
		}
		for form, fn := range forms {
			if diff := cmp.Diff(golden, spanLines(t, fn, text)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, form, diff)
			}
		}
	}
}

// spanLines invokes fn with the settings of the golden files and WithRawEvent, and returns the span as those have it.
func spanLines(t *testing.T, fn any, text []byte) []string {
	t.Helper()
	j := newJournal()
	opts := append(j.options(true), handler.WithRawEvent(), handler.WithCapturedRequestHeaders("Accept", " content-type "),
		handler.WithQueryValues("expand"))
	_, _ = lambda.NewHandler(handler.Wrap(fn, opts...)).Invoke(t.Context(), text)
	span := j.span(t)
	name := span.Name()
	if name == "invocation" { // the function's, which has none
		name = ""
	}
	lines := []string{strings.TrimSpace("name: " + name), "kind: " + span.SpanKind().String()}
	for _, kv := range span.Attributes() {
		if kv.Key != "faas.coldstart" && kv.Key != "epilogue.response.size" {
			lines = append(lines, string(kv.Key)+" = "+kv.Value.String())
		}
	}
	slices.Sort(lines)
	return lines
}

// TestOwnTypeWithoutRawEvent: a type that does not have the members tells nothing, unless the program does.
func TestOwnTypeWithoutRawEvent(t *testing.T) {
	text, _ := document(t, "sqs")
	for want, opts := range map[string][]handler.Option{
		"other":  {handler.WithTrigger(nil)},
		"pubsub": {handler.WithTrigger(handler.SQS)},
	} {
		j := newJournal()
		_, _ = lambda.NewHandler(handler.Wrap(taking[order](), append(j.options(true), opts...)...)).Invoke(t.Context(), text)
		if got := attributes(j.span(t).Attributes())["faas.trigger"]; got != want {
			t.Errorf("faas.trigger %q, want %q", got, want)
		}
	}
}

// TestTriggerIsBelieved: each of the constants is a source that is known.
func TestTriggerIsBelieved(t *testing.T) {
	for trigger, want := range map[handler.Trigger]string{
		handler.RESTAPI: "http", handler.HTTPAPI: "http", handler.WebSocketAPI: "http", handler.LoadBalancer: "http", handler.FunctionURL: "http",
		handler.VPCLattice: "http",
		handler.SQS:        "pubsub", handler.SNS: "pubsub", handler.EventBridge: "pubsub", handler.Kinesis: "pubsub", handler.Kafka: "pubsub", handler.ActiveMQ: "pubsub",
		handler.RabbitMQ: "pubsub", handler.DocumentDB: "datasource", handler.AppSync: "other",
		handler.Schedule: "timer", handler.DynamoDB: "datasource", handler.S3: "datasource",
		handler.StepFunctions: "other", handler.Cognito: "other", handler.Other: "other",
	} {
		j := newJournal()
		opts := append(j.options(true), handler.WithTrigger(trigger))
		payload := `{"requestContext":{"http":{"method":"GET"}}}` // of another source, but for two
		_, _ = lambda.NewHandler(handler.Wrap(taking[map[string]any](), opts...)).Invoke(t.Context(), []byte(payload))
		if got := attributes(j.span(t).Attributes())["faas.trigger"]; got != want {
			t.Errorf("%v: faas.trigger %q, want %q", trigger, got, want)
		}
	}
}

// TestResponseStatus: the status of a result is the span's, whatever the result's type, if the cause is HTTP.
func TestResponseStatus(t *testing.T) {
	const http, queue = `{"requestContext":{"http":{"method":"GET"}}}`, `{"Records":[{"eventSource":"aws:sqs"}]}`
	results := map[string]any{
		"struct":      func(any) (any, error) { return events.APIGatewayV2HTTPResponse{StatusCode: 503}, nil },
		"map":         func(any) (any, error) { return map[string]any{"statusCode": 503, "body": "down"}, nil },
		"raw message": func(any) (any, error) { return json.RawMessage(`{"body":"down","statusCode":503}`), nil },
		"own type": func(order) (any, error) {
			return struct {
				S int `json:"statusCode"`
			}{503}, nil
		},
		"handler": bytesHandler(func(context.Context, []byte) ([]byte, error) { return []byte(`{"statusCode":503}`), nil }),
		"stream": func(any) (any, error) {
			return &events.LambdaFunctionURLStreamingResponse{StatusCode: 503, Body: strings.NewReader("down")}, nil
		},
	}
	for name, fn := range results {
		for payload, wantError := range map[string]bool{http: true, queue: false} {
			j := newJournal()
			_, _ = lambda.NewHandler(handler.Wrap(fn, append(j.options(true), handler.WithRawEvent())...)).Invoke(t.Context(), []byte(payload))
			got := attributes(j.span(t).Attributes())
			if name == "stream" && !wantError {
				continue // its content type makes it an HTTP response whatever the cause
			}
			failed := j.span(t).Status().Code == codes.Error && got["error.type"] == "503" && got["http.response.status_code"] == "503"
			if failed != wantError || !wantError && j.span(t).Status().Code != codes.Unset {
				t.Errorf("%s, %s: status %v, attributes %v", name, payload, j.span(t).Status(), got)
			}
		}
	}
}

// TestCapturedResponseHeaders: those that are asked for, and of an HTTP event only.
func TestCapturedResponseHeaders(t *testing.T) {
	j := newJournal()
	fn := func(map[string]any) (map[string]any, error) {
		return map[string]any{"statusCode": 200, "headers": map[string]string{"Location": "/orders/17", "Set-Cookie": "secret"}}, nil
	}
	opts := append(j.options(true), handler.WithCapturedResponseHeaders("LOCATION", "etag"))
	_, _ = lambda.NewHandler(handler.Wrap(fn, opts...)).Invoke(t.Context(), []byte(`{"httpMethod":"GET","requestContext":{}}`))
	got := attributes(j.span(t).Attributes())
	if got["http.response.header.location"] != `["/orders/17"]` || got["http.response.header.set-cookie"] != "" || got["http.response.header.etag"] != "" {
		t.Errorf("attributes %v", got)
	}
}

// TestRawEventThatDoesNotDecode: the error is aws-lambda-go's, the function is not called, and the span says what came.
func TestRawEventThatDoesNotDecode(t *testing.T) {
	text, _ := document(t, "sqs")
	text = []byte(strings.Replace(string(text), "{", `{"id":"no number",`, 1))
	called := false
	fn := func(order) error { called = true; return nil }
	_, want := lambda.NewHandler(fn).Invoke(t.Context(), text)
	j := newJournal()
	_, err := lambda.NewHandler(handler.Wrap(fn, append(j.options(true), handler.WithRawEvent())...)).Invoke(t.Context(), text)
	var typeError *json.UnmarshalTypeError
	if called || !errors.As(err, &typeError) || err.Error() != want.Error() || reflect.TypeOf(err) != reflect.TypeOf(want) {
		t.Errorf("called %t, error %T %v, want %T %v", called, err, err, want, want)
	}
	if got := j.span(t); got.Status().Code != codes.Error || attributes(got.Attributes())["faas.trigger"] != "pubsub" {
		t.Errorf("status %v, %v", got.Status(), got.Attributes())
	}
}

// TestRawEventOnlyWhereItTells: a function whose event tells by itself takes it as it does without the option.
func TestRawEventOnlyWhereItTells(t *testing.T) {
	for _, fn := range []any{
		taking[events.SQSEvent](), taking[*events.S3Event](), taking[map[string]any](), taking[any](), taking[json.RawMessage](), func() {},
	} {
		want := reflect.TypeOf(handler.Wrap(fn))
		if got := reflect.TypeOf(handler.Wrap(fn, handler.WithRawEvent())); got != want {
			t.Errorf("%T: %v, want %v", fn, got, want)
		}
	}
	if got := reflect.TypeOf(handler.Wrap(taking[order](), handler.WithRawEvent())); got.In(1) == reflect.TypeFor[order]() {
		t.Errorf("own type: %v", got)
	}
}

// BenchmarkRawEvent shows the price of WithRawEvent: an event of 10 KB, decoded to a struct of two members and to all.
func BenchmarkRawEvent(b *testing.B) {
	text := []byte(`{"Records":[` + strings.Repeat(`{"messageId":"1","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:111122223333:orders",`+
		`"attributes":{"SentTimestamp":"1768210200000"},"messageAttributes":{},"body":"{\"order\":17,\"note\":\"first flush\"}"},`, 43) + `{}]}`)
	type small struct {
		Records []struct{ MessageID, Body string }
	}
	functions := map[string]any{
		"small": func(small) error { return nil }, "large": func(struct{ Records []map[string]any }) error { return nil },
	}
	for name, fn := range functions {
		provider := handler.WithTracerProvider(sdktrace.NewTracerProvider())
		for how, wrapped := range map[string]any{
			"without": handler.Wrap(fn, provider), "with": handler.Wrap(fn, provider, handler.WithRawEvent()),
		} {
			b.Run(name+"/"+how, func(b *testing.B) {
				h := lambda.NewHandler(wrapped)
				b.ReportAllocs()
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					if _, err := h.Invoke(b.Context(), text); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
