package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/epilogue-go/epilogue/handler"
)

const eventsPackage = "github.com/aws/aws-lambda-go/events"

// eventRoots has the types of the events package that are in no other one. eventTypes finds all others in them.
//
//nolint:staticcheck // those that are deprecated are in use, too
type eventRoots func(
	events.ALBTargetGroupRequest, events.ALBTargetGroupResponse, events.APIGatewayCustomAuthorizerContext,
	events.APIGatewayCustomAuthorizerRequest, events.APIGatewayCustomAuthorizerRequestTypeRequest,
	events.APIGatewayCustomAuthorizerResponse, events.APIGatewayProxyRequest, events.APIGatewayProxyResponse,
	events.APIGatewayProxyStreamingResponse, events.APIGatewayV2CustomAuthorizerIAMPolicyResponse,
	events.APIGatewayV2CustomAuthorizerSimpleResponse, events.APIGatewayV2CustomAuthorizerV1Request,
	events.APIGatewayV2CustomAuthorizerV2Request, events.APIGatewayV2HTTPRequest, events.APIGatewayV2HTTPResponse,
	events.APIGatewayWebsocketProxyRequest, events.ActiveMQEvent, events.AppSyncCognitoIdentity, events.AppSyncIAMIdentity,
	events.AppSyncLambdaAuthorizerRequest, events.AppSyncLambdaAuthorizerResponse, events.AppSyncResolverTemplate,
	events.AutoScalingEvent, events.ChimeBotEvent, events.ClientVPNConnectionHandlerRequest,
	events.ClientVPNConnectionHandlerResponse, events.CloudWatchAlarmSNSPayload, events.CloudWatchEvent,
	events.CloudwatchLogsData, events.CloudwatchLogsEvent, events.CodeBuildEvent, events.CodeCommitEvent,
	events.CodeDeployEvent, events.CodePipelineActionState, events.CodePipelineCloudWatchEvent, events.CodePipelineJobEvent,
	events.CodePipelineOutputLocation, events.CodePipelineStageState, events.CognitoEvent,
	events.CognitoEventUserPoolsCreateAuthChallenge, events.CognitoEventUserPoolsCustomMessage,
	events.CognitoEventUserPoolsDefineAuthChallenge, events.CognitoEventUserPoolsInboundFederation,
	events.CognitoEventUserPoolsMigrateUser, events.CognitoEventUserPoolsPostAuthentication,
	events.CognitoEventUserPoolsPostConfirmation, events.CognitoEventUserPoolsPreAuthentication,
	events.CognitoEventUserPoolsPreSignup, events.CognitoEventUserPoolsPreTokenGen,
	events.CognitoEventUserPoolsPreTokenGenV2, events.CognitoEventUserPoolsPreTokenGenV2_0,
	events.CognitoEventUserPoolsVerifyAuthChallenge, events.ConfigEvent, events.ConnectEvent, events.ConnectResponse,
	events.DynamoDBEventResponse, events.DynamoDBKeyType, events.DynamoDBOperationType, events.DynamoDBSharedIteratorType,
	events.DynamoDBStreamStatus, events.DynamoDBStreamViewType, events.DynamoDBTimeWindowEvent,
	events.DynamoDBTimeWindowEventResponse, events.ECRImageActionEvent, events.ECRScanEvent, events.ECSContainerInstanceEvent,
	events.IncompatibleDynamoDBTypeError, events.IoTButtonEvent, events.IoTCoreCustomAuthorizerRequest,
	events.IoTCoreCustomAuthorizerResponse, events.IoTCustomAuthorizerRequest, events.IoTCustomAuthorizerResponse,
	events.IoTOneClickEvent, events.IoTPreProvisionHookRequest, events.IoTPreProvisionHookResponse, events.KafkaEvent,
	events.KinesisAnalyticsOutputDeliveryEvent, events.KinesisAnalyticsOutputDeliveryResponse, events.KinesisEventResponse,
	events.KinesisFirehoseEvent, events.KinesisFirehoseResponse, events.KinesisTimeWindowEvent,
	events.KinesisTimeWindowEventResponse, events.LambdaFunctionURLRequest, events.LambdaFunctionURLResponse,
	events.LambdaFunctionURLStreamingResponse, events.LexEvent, events.LexResponse, events.RabbitMQEvent,
	events.S3BatchJobEvent, events.S3BatchJobEventV2, events.S3BatchJobResponse, events.S3Event, events.S3ObjectLambdaEvent,
	events.S3TestEvent, events.SNSEvent, events.SQSEvent, events.SQSEventResponse, events.SecretsManagerSecretRotationEvent,
	events.SimpleEmailDisposition, events.SimpleEmailEvent, events.UnsupportedDynamoDBTypeError,
)

// eventTypes returns the named types of the events package, in a fixed order.
func eventTypes() (types []reflect.Type) {
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		if seen[t] {
			return
		}
		seen[t] = true
		if t.PkgPath() == eventsPackage {
			types = append(types, t)
		}
		switch t.Kind() {
		case reflect.Struct:
			for i := range t.NumField() {
				walk(t.Field(i).Type)
			}
		case reflect.Func:
			for i := range t.NumIn() {
				walk(t.In(i))
			}
		case reflect.Map:
			walk(t.Key())
			walk(t.Elem())
		case reflect.Pointer, reflect.Slice, reflect.Array:
			walk(t.Elem())
		}
	}
	walk(reflect.TypeFor[eventRoots]())
	return types
}

// goTool returns the output of a command about the events package.
func goTool(tb testing.TB, args ...string) string {
	tb.Helper()
	out, err := exec.CommandContext(tb.Context(), "go", append(args, eventsPackage)...).Output()
	if err != nil {
		tb.Fatalf("go %s: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

func TestEventTypesAreAllExportedOnes(t *testing.T) {
	known := map[string]bool{}
	for _, event := range eventTypes() {
		known[event.Name()] = true
	}
	seen := 0
	for line := range strings.Lines(goTool(t, "doc", "-short")) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "type" || words[2] == "=" {
			continue
		}
		seen++
		if !known[words[1]] {
			t.Errorf("events.%s is in none of the roots", words[1])
		}
	}
	if seen < 300 {
		t.Errorf("go doc lists only %d types", seen)
	}
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

// differs says how the answers to payload differ with and without Wrap, or that there is no span; empty if all is well.
func (e echo) differs(ctx context.Context, payload []byte) string {
	want, wantErr := e.bare.Invoke(ctx, payload)
	want = bytes.Clone(want) // of a buffer that the next invocation overwrites
	got, err := e.wrapped.Invoke(ctx, payload)
	spans := e.recorder.reset()
	switch {
	case fmt.Sprintf("%T %v", err, err) != fmt.Sprintf("%T %v", wantErr, wantErr):
		return fmt.Sprintf("error %T %v, without Wrap %T %v", err, err, wantErr, wantErr)
	case !bytes.Equal(got, want):
		return fmt.Sprintf("%.1000s\nwithout Wrap\n%.1000s", got, want)
	case spans != 1 && err == nil: // the span of an event that does not decode depends on the event's type
		return fmt.Sprintf("%d spans", spans)
	}
	return ""
}

// TestEveryEventTypeRoundTrips gives the documents that aws-lambda-go tests its events with to functions of all their
// types, each document to an eighth of them: it is decoded and encoded, or refused, as without Wrap.
func TestEveryEventTypeRoundTrips(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(goTool(t, "list", "-f", "{{.Dir}}"), "testdata", "*.json"))
	if err != nil || len(files) < 50 {
		t.Fatalf("%d documents, %v", len(files), err)
	}
	decoded, types := 0, eventTypes()
	for i, event := range types {
		e := newEcho(event)
		for j := i % 8; j < len(files); j += 8 {
			payload, err := os.ReadFile(files[j])
			if err != nil {
				t.Fatal(err)
			}
			if diff := e.differs(t.Context(), payload); diff != "" {
				t.Errorf("%s as %s: %s", filepath.Base(files[j]), event, diff)
			}
		}
		if _, err := e.bare.Invoke(t.Context(), []byte("{}")); err == nil {
			decoded++
		}
	}
	if decoded < len(types)/2 {
		t.Errorf("one document decodes as %d of %d types: it is errors that were compared", decoded, len(types))
	}
}

// ownEvent has a member of each kind that some event has.
type ownEvent struct {
	HTTPMethod *string
	Headers    map[string]any
	Records    []struct{ Body string }
	Order      float64 `json:"order,string"`
}

// FuzzEveryEventType asserts the same for any payload and any X-Ray header, also of functions with types of their own.
func FuzzEveryEventType(f *testing.F) {
	types := append(eventTypes(),
		reflect.TypeFor[ownEvent](), reflect.TypeFor[map[string]any](), reflect.TypeFor[json.RawMessage]())
	echoes := make([]echo, len(types))
	for i, event := range types {
		echoes[i] = newEcho(event)
		f.Add(uint16(i), []byte(`{"Records":[{"body":"<&>","eventTime":"2026-01-02T03:04:05Z"}],"time":1e400,"id":1}`), "")
	}
	for _, payload := range []string{
		`{"httpMethod":"GET","path":"/a","resource":"/{x}","headers":{"TraceParent":"` + traceparent + `"}}`,
		`null`, `[]`, `"`, ``,
		`{"rawPath":"/a","requestContext":{"http":{"method":"post"}},"headers":{"baggage":"a=b;c,%zz=1"}}`, "{\"path\":\"\xff\"}",
		`{"httpMethod":"\u0000","multiValueHeaders":{"traceparent":["a","b"],"BAGGAGE":[]}}`,
	} {
		for i := range 3 {
			f.Add(uint16(len(types)-1-i), []byte(payload), "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8")
		}
	}
	f.Fuzz(func(t *testing.T, n uint16, payload []byte, header string) {
		i := int(n) % len(echoes)
		if diff := echoes[i].differs(withXRay(t.Context(), header), payload); diff != "" {
			t.Errorf("%q as %s: %s", payload, types[i], diff)
		}
	})
}
