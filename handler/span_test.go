package handler_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler"
)

// invoke runs one invocation with real decoding and encoding, and returns the journal.
func invoke(t *testing.T, fn any, payload string) *journal {
	t.Helper()
	j := newJournal()
	ctx, cancel := invocationContext(t)
	defer cancel()
	_, _ = lambda.NewHandler(handler.Wrap(fn, j.options(true)...)).Invoke(ctx, []byte(payload))
	return j
}

// attributes returns the attributes of a span or an event as text.
func attributes(kvs []attribute.KeyValue) map[string]string {
	m := make(map[string]string, len(kvs))
	for _, kv := range kvs {
		m[string(kv.Key)] = kv.Value.String()
	}
	return m
}

// common are the attributes of every span of the tests' invocation, but for faas.coldstart.
func common(more ...string) map[string]string {
	m := map[string]string{
		"faas.invocation_id": requestID, "faas.coldstart": "true", "aws.lambda.invoked_arn": functionARN,
		"cloud.account.id": "123456789012", "cloud.resource_id": functionARN,
	}
	for i := 0; i < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

func TestSpanOfEvent(t *testing.T) {
	setFunction(t, "orders", "")
	tests := []struct {
		name, payload string
		fn            any
		span          string
		kind          trace.SpanKind
		want          map[string]string
	}{
		{"no event", `{}`, func() {}, "orders", trace.SpanKindServer, common("faas.trigger", "other")},
		{"own event", `{}`, func(order) {}, "orders", trace.SpanKindServer, common("faas.trigger", "other")},
		{
			"handler", `{}`, bytesHandler(func(context.Context, []byte) ([]byte, error) { return nil, nil }),
			"orders", trace.SpanKindServer, common("faas.trigger", "other"),
		},
		{
			"http api", `{"routeKey":"GET /orders/{id}","rawPath":"/orders/17","requestContext":{"http":{"method":"GET"}},"headers":{"x-forwarded-proto":"https"}}`,
			func(events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
				return events.APIGatewayV2HTTPResponse{StatusCode: 404}, nil
			}, "GET /orders/{id}", trace.SpanKindServer,
			common("faas.trigger", "http", "http.request.method", "GET", "http.route", "/orders/{id}",
				"url.path", "/orders/17", "url.scheme", "https", "http.response.status_code", "404"),
		},
		{
			"http api, default route", `{"routeKey":"$default","rawPath":"/x","requestContext":{"http":{"method":"PURGE"}}}`,
			func(*events.APIGatewayV2HTTPRequest) error { return nil }, "HTTP", trace.SpanKindServer,
			common("faas.trigger", "http", "http.request.method", "_OTHER", "http.request.method_original", "PURGE", "url.path", "/x"),
		},
		{
			"rest api", `{"resource":"/orders/{id}","path":"/orders/17","httpMethod":"DELETE"}`,
			func(events.APIGatewayProxyRequest) (*events.APIGatewayProxyResponse, error) {
				return &events.APIGatewayProxyResponse{StatusCode: 503}, nil
			}, "DELETE /orders/{id}", trace.SpanKindServer,
			common("faas.trigger", "http", "http.request.method", "DELETE", "http.route", "/orders/{id}",
				"url.path", "/orders/17", "http.response.status_code", "503", "error.type", "503"),
		},
		{
			"load balancer", `{"path":"/p","httpMethod":"PUT","multiValueHeaders":{"X-Forwarded-Proto":["http"]}}`,
			func(events.ALBTargetGroupRequest) (any, error) { return nil, nil }, "PUT", trace.SpanKindServer,
			common("faas.trigger", "http", "http.request.method", "PUT", "url.path", "/p", "url.scheme", "http"),
		},
		{
			"function url", `{"rawPath":"/u","requestContext":{"http":{"method":"POST"}}}`,
			func(*events.LambdaFunctionURLRequest) (any, error) {
				return &events.LambdaFunctionURLStreamingResponse{StatusCode: 201}, nil
			}, "POST", trace.SpanKindServer,
			common("faas.trigger", "http", "http.request.method", "POST", "url.path", "/u", "http.response.status_code", "201"),
		},
		{
			"http event that is null", `null`, func(*events.APIGatewayV2HTTPRequest) error { return nil },
			"orders", trace.SpanKindServer, common("faas.trigger", "http"),
		},
		{
			"queue", `{"Records":[]}`, func(events.SQSEvent) error { return nil },
			"process", trace.SpanKindConsumer, common("faas.trigger", "pubsub", "messaging.system", "aws_sqs",
				"messaging.operation.type", "process", "messaging.operation.name", "process", "messaging.batch.message_count", "0"),
		},
		{
			"result with a nil embedded struct", `{"requestContext":{"http":{"method":"GET"}}}`,
			func(events.LambdaFunctionURLRequest) (any, error) { return embedding{}, nil }, "GET", trace.SpanKindServer,
			common("faas.trigger", "http", "http.request.method", "GET", "url.path", ""),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := invoke(t, tt.fn, tt.payload).span(t)
			if s.Name() != tt.span || s.SpanKind() != tt.kind {
				t.Errorf("span %q, %v, want %q, %v", s.Name(), s.SpanKind(), tt.span, tt.kind)
			}
			got := attributes(s.Attributes())
			delete(got, "http.response.body.size") // see TestResponseSize
			delete(got, "epilogue.response.size")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			if code := s.Status().Code; (code == codes.Error) != (tt.want["error.type"] != "") {
				t.Errorf("status %v", s.Status())
			}
			if scope := s.InstrumentationScope().Name; scope != "github.com/epilogue-go/epilogue/handler" {
				t.Errorf("scope %q", scope)
			}
		})
	}
}

type embedding struct{ *embedded }

type embedded struct{ StatusCode int }

// setFunction sets what aws-lambda-go reads from the environment when the process starts.
func setFunction(t *testing.T, name, version string) {
	oldName, oldVersion := lambdacontext.FunctionName, lambdacontext.FunctionVersion
	lambdacontext.FunctionName, lambdacontext.FunctionVersion = name, version
	t.Cleanup(func() { lambdacontext.FunctionName, lambdacontext.FunctionVersion = oldName, oldVersion })
}

func TestResourceID(t *testing.T) {
	tests := []struct{ arn, version, account, resource string }{
		{functionARN, "7", "123456789012", functionARN},
		{functionARN + ":live", "7", "123456789012", functionARN + ":7"},
		{functionARN + ":live", "", "123456789012", functionARN},
		{functionARN + ":$LATEST", "$LATEST", "123456789012", functionARN + ":$LATEST"},
		{"arn:aws:lambda:eu-west-1", "7", "", ""},
		{"", "7", "", ""},
	}
	for _, tt := range tests {
		setFunction(t, "", tt.version)
		j := newJournal()
		ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{InvokedFunctionArn: tt.arn})
		_, _ = handler.Wrap(func() {}, j.options(true)...).(readerFunc)(ctx)
		got := attributes(j.span(t).Attributes())
		if got["cloud.account.id"] != tt.account || got["cloud.resource_id"] != tt.resource || got["aws.lambda.invoked_arn"] != tt.arn {
			t.Errorf("%q in version %q: %v", tt.arn, tt.version, got)
		}
		want := "invocation"
		if tt.account != "" {
			want = "orders"
		}
		if name := j.span(t).Name(); name != want {
			t.Errorf("span of %q without a function name in the environment: %q, want %q", tt.arn, name, want)
		}
	}
}

// TestFailures: what a span says of an error, a panic and a broken stream.
func TestFailures(t *testing.T) {
	tests := []struct {
		name             string
		fn               any
		message          string
		errType, excType string
		stack            string // part of exception.stacktrace
	}{
		{"error", func() error { return errors.New("no stock") }, "no stock", "*errors.errorString", "*errors.errorString", ""},
		{
			"wrapped", func() error { return fmt.Errorf("order: %w", valueError("no stock")) }, "order: no stock",
			"github.com/epilogue-go/epilogue/handler_test.valueError", "*fmt.wrapError", "",
		},
		{
			"nil pointer", func() *ownError { return nil }, "*handler_test.ownError: its Error method panics: runtime error: invalid memory address or nil pointer dereference",
			"*handler_test.ownError", "*handler_test.ownError", "",
		},
		{
			"stream", func() (any, error) { return failing("half", valueError("broken pipe")), nil }, "broken pipe",
			"github.com/epilogue-go/epilogue/handler_test.valueError", "github.com/epilogue-go/epilogue/handler_test.valueError", "",
		},
		{"panic", func() { deep(2, func() { panic("lost") }) }, "lost", "string", "string", "handler_test.deep"},
		{
			"runtime panic", func() { nilMap["x"]++ }, "assignment to entry in nil map",
			"runtime.plainError", "runtime.plainError", "handler_test.TestFailures",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var j *journal
			func() {
				defer func() { _ = recover() }()
				j = newJournal()
				ctx, cancel := invocationContext(t)
				defer cancel()
				_, _ = lambda.NewHandler(handler.Wrap(tt.fn, j.options(true)...)).Invoke(ctx, []byte("{}"))
			}()
			s := j.span(t)
			if got := s.Status(); got.Code != codes.Error || got.Description != tt.message {
				t.Errorf("status %v, want an error: %s", got, tt.message)
			}
			if got := attributes(s.Attributes())["error.type"]; got != tt.errType {
				t.Errorf("error.type %q, want %q", got, tt.errType)
			}
			wantException(t, s.Events(), tt.excType, tt.message, tt.stack)
		})
	}
}

func wantException(t *testing.T, events []sdktrace.Event, kind, message, stack string) {
	t.Helper()
	if len(events) != 1 || events[0].Name != "exception" {
		t.Fatalf("events %v, want one exception", events)
	}
	got := attributes(events[0].Attributes)
	if got["exception.type"] != kind || got["exception.message"] != message {
		t.Errorf("exception %v, want %s: %s", got, kind, message)
	}
	if trace, ok := got["exception.stacktrace"]; ok != (stack != "") || !strings.Contains(trace, stack) {
		t.Errorf("stack trace %q, want one with %q", trace, stack)
	}
}
