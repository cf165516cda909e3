package handler_test

import (
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
)

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

// TestSpanIsTheGoldenFilesInEveryForm gives documents to functions that take them in all forms. Package trigger has a
// test of each document.
func TestSpanIsTheGoldenFilesInEveryForm(t *testing.T) {
	setFunction(t, "", "")
	anyForm := []any{
		typed[json.RawMessage](), typed[any](), bytesOf(nil, nil), typed[struct{ X, Y string }](), typed[*struct{ Z []int }](),
	}
	for name, functions := range map[string][]any{
		"http-api":  {typed[events.APIGatewayV2HTTPRequest](), typed[map[string]any]()},
		"sqs":       {typed[*events.SQSEvent](), typed[map[string]any]()},
		"pipes-sqs": {typed[[]events.SQSMessage](), typed[[]map[string]any](), typed[[]struct{ X, Y string }](), typed[*[]any]()},
	} {
		text, golden := document(t, name)
		if text[0] != '[' {
			functions = append(functions, anyForm...)
		}
		for _, fn := range functions {
			if diff := cmp.Diff(golden, spanLines(t, fn, text)); diff != "" {
				t.Errorf("%s, %T (-want +got):\n%s", name, fn, diff)
			}
		}
	}
}

// spanLines invokes fn with the settings of the golden files and WithRawEvent, and returns the span as those have it.
func spanLines(t *testing.T, fn any, text []byte) []string {
	t.Helper()
	j := newRecorder()
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

// TestOwnTypeTellsNothingUnlessTheProgramDoes has a type without the event's members.
func TestOwnTypeTellsNothingUnlessTheProgramDoes(t *testing.T) {
	text, _ := document(t, "sqs")
	for want, opts := range map[string][]handler.Option{
		"other":  {handler.WithTrigger(nil)},
		"pubsub": {handler.WithTrigger(handler.SQS)},
	} {
		if got := attributes(invoke(t, typed[order](), string(text), opts...).span(t).Attributes())["faas.trigger"]; got != want {
			t.Errorf("faas.trigger %q, want %q", got, want)
		}
	}
}

// TestEachTriggerIsASource gives events of another source, but for two triggers.
func TestEachTriggerIsASource(t *testing.T) {
	for want, triggers := range map[string][]handler.Trigger{
		"http": {
			handler.RESTAPI, handler.HTTPAPI, handler.WebSocketAPI, handler.LoadBalancer, handler.FunctionURL, handler.VPCLattice,
		},
		"pubsub": {
			handler.SQS, handler.SNS, handler.EventBridge, handler.Kinesis, handler.Kafka, handler.ActiveMQ, handler.RabbitMQ,
		},
		"datasource": {handler.DynamoDB, handler.DocumentDB, handler.S3},
		"timer":      {handler.Schedule},
		"other":      {handler.StepFunctions, handler.AppSync, handler.Cognito, handler.Other},
	} {
		for _, trigger := range triggers {
			span := invoke(t, typed[map[string]any](), getEvent, handler.WithTrigger(trigger)).span(t)
			if got := attributes(span.Attributes())["faas.trigger"]; got != want {
				t.Errorf("%v: faas.trigger %q, want %q", trigger, got, want)
			}
		}
	}
}

// TestRawEventThatDoesNotDecode asserts aws-lambda-go's error without a call of the function, and a span.
func TestRawEventThatDoesNotDecode(t *testing.T) {
	text, _ := document(t, "sqs")
	text = []byte(strings.Replace(string(text), "{", `{"id":"no number",`, 1))
	called := false
	fn := func(order) error { called = true; return nil }
	_, want := lambda.NewHandler(fn).Invoke(t.Context(), text)
	j := newRecorder()
	_, err := lambda.NewHandler(handler.Wrap(fn, append(j.options(true), handler.WithRawEvent())...)).Invoke(t.Context(), text)
	var typeError *json.UnmarshalTypeError
	if called || !errors.As(err, &typeError) || err.Error() != want.Error() || reflect.TypeOf(err) != reflect.TypeOf(want) {
		t.Errorf("called %t, error %T %v, want %T %v", called, err, err, want, want)
	}
	if got := j.span(t); got.Status().Code != codes.Error || attributes(got.Attributes())["faas.trigger"] != "pubsub" {
		t.Errorf("status %v, %v", got.Status(), got.Attributes())
	}
}

func TestRawEventChangesOnlyFunctionsWhoseEventTellsNothing(t *testing.T) {
	for _, fn := range []any{
		typed[events.SQSEvent](), typed[*events.S3Event](), typed[map[string]any](), typed[any](),
		typed[json.RawMessage](), func() {},
	} {
		want := reflect.TypeOf(handler.Wrap(fn))
		if got := reflect.TypeOf(handler.Wrap(fn, handler.WithRawEvent())); got != want {
			t.Errorf("%T: %v, want %v", fn, got, want)
		}
	}
	if got := reflect.TypeOf(handler.Wrap(typed[order](), handler.WithRawEvent())); got.In(1) == reflect.TypeFor[order]() {
		t.Errorf("own type: %v", got)
	}
}

// BenchmarkRawEvent shows the price of WithRawEvent: an event of 10 KB, decoded to a struct of two members and to all.
func BenchmarkRawEvent(b *testing.B) {
	text := []byte(`{"Records":[` + strings.Repeat(sqsXRay("")+",", 25) + `{}]}`)
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
