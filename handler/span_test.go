package handler_test

import (
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/handler"
)

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

// TestSpanOfEvent asserts what an event and its result make of the span together. The corpus of package trigger has the
// events.
func TestSpanOfEvent(t *testing.T) {
	setFunction(t, "orders", "")
	const get = `{"requestContext":{"http":{"method":"GET"}},"rawPath":"/u"}`
	getOnly := common("faas.trigger", "http", "http.request.method", "GET", "url.path", "/u")
	for name, tt := range map[string]struct {
		payload string
		fn      any
		span    string
		want    map[string]string
	}{
		"no event":    {`{}`, func() {}, "orders", common("faas.trigger", "other")},
		"own event":   {`{}`, func(order) {}, "orders", common("faas.trigger", "other")},
		"a Handler":   {`{}`, bytesOf(nil, nil), "orders", common("faas.trigger", "other")},
		"a null":      {`null`, func(*events.APIGatewayV2HTTPRequest) {}, "orders", common("faas.trigger", "http")},
		"no response": {get, func(events.LambdaFunctionURLRequest) {}, "GET", getOnly},
		"a response with a nil embedded struct": {
			get, func(events.LambdaFunctionURLRequest) (any, error) { return embedding{}, nil }, "GET", getOnly,
		},
		"a 404": {
			`{"routeKey":"GET /orders/{id}","rawPath":"/orders/17","requestContext":{"http":{"method":"GET"}}}`,
			func(events.APIGatewayV2HTTPRequest) (any, error) {
				return events.APIGatewayV2HTTPResponse{StatusCode: 404}, nil
			}, "GET /orders/{id}",
			common("faas.trigger", "http", "http.request.method", "GET", "http.route", "/orders/{id}",
				"url.path", "/orders/17", "http.response.status_code", "404"),
		},
		"a 503": {
			`{"resource":"/orders/{id}","path":"/orders/17","httpMethod":"DELETE"}`,
			func(events.APIGatewayProxyRequest) (*events.APIGatewayProxyResponse, error) {
				return &events.APIGatewayProxyResponse{StatusCode: 503}, nil
			}, "DELETE /orders/{id}",
			common("faas.trigger", "http", "http.request.method", "DELETE", "http.route", "/orders/{id}",
				"url.path", "/orders/17", "http.response.status_code", "503", "error.type", "503"),
		},
		"a queue": {
			`{"Records":[]}`, func(events.SQSEvent) error { return nil }, "process",
			common("faas.trigger", "pubsub", "messaging.system", "aws_sqs", "messaging.operation.type", "process",
				"messaging.operation.name", "process", "messaging.batch.message_count", "0"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := invoke(t, tt.fn, tt.payload).span(t)
			kind := trace.SpanKindServer
			if tt.span == "process" {
				kind = trace.SpanKindConsumer
			}
			if s.Name() != tt.span || s.SpanKind() != kind {
				t.Errorf("span %q, %v, want %q, %v", s.Name(), s.SpanKind(), tt.span, kind)
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

// TestAttributesOfTheFunction has several invocations of each function: every ARN counts by itself.
func TestAttributesOfTheFunction(t *testing.T) {
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
		j := newRecorder()
		ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{InvokedFunctionArn: tt.arn})
		_, _ = handler.Wrap(func() {}, j.options(true)...).(readerFunc)(ctx)
		got := attributes(j.span(t).Attributes())
		said := [...]string{got["cloud.account.id"], got["cloud.resource_id"], got["aws.lambda.invoked_arn"]}
		if said != [...]string{tt.account, tt.resource, tt.arn} {
			t.Errorf("%q in version %q: %q", tt.arn, tt.version, said)
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
