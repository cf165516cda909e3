package trigger_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/propagation"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

var update = flag.Bool("update", false, "write the golden files anew")

// settings are those of the golden files.
var settings = trigger.Settings{RequestHeaders: []string{"accept", "content-type"}, QueryValues: []string{"expand"}}

// payload is what a task of a state machine might take, whose context object has no type in the events package.
type payload struct {
	Order     int    `json:"order"`
	Parent    string `json:"traceparent"`
	Header    string `json:"AWSTraceHeader"`
	Execution struct {
		ID    string         `json:"Id"`
		Input map[string]any `json:"Input"`
	} `json:"Execution"`
	State        map[string]any `json:"State"`
	StateMachine struct {
		ID string `json:"Id"`
	} `json:"StateMachine"`
}

type outerPayload struct {
	Order  int    `json:"order"`
	Parent string `json:"traceparent"`
	Header string `json:"AWSTraceHeader"`
	Inner  *struct {
		Execution, State map[string]any
		StateMachine     map[string]string
	} `json:"context"`
}

// corpus are the documents, by the beginning of their names, and the types that they are decoded to.
var corpus = map[string]reflect.Type{
	"rest-api":                  reflect.TypeFor[events.APIGatewayProxyRequest](),
	"http-api":                  reflect.TypeFor[events.APIGatewayV2HTTPRequest](),
	"http-api-default-route":    reflect.TypeFor[*events.APIGatewayV2HTTPRequest](),
	"websocket-connect":         reflect.TypeFor[events.APIGatewayWebsocketProxyRequest](),
	"websocket-message":         reflect.TypeFor[events.APIGatewayWebsocketProxyRequest](),
	"websocket-disconnect":      reflect.TypeFor[*events.APIGatewayWebsocketProxyRequest](),
	"load-balancer":             reflect.TypeFor[events.ALBTargetGroupRequest](),
	"load-balancer-multi-value": reflect.TypeFor[events.ALBTargetGroupRequest](),
	"function-url":              reflect.TypeFor[*events.LambdaFunctionURLRequest](),
	"sqs":                       reflect.TypeFor[events.SQSEvent](),
	"sqs-one-message":           reflect.TypeFor[*events.SQSEvent](),
	"sqs-two-queues":            reflect.TypeFor[events.SQSEvent](),
	"sns-in-sqs":                reflect.TypeFor[events.SQSEvent](),
	"sns":                       reflect.TypeFor[events.SNSEvent](),
	"eventbridge":               reflect.TypeFor[events.EventBridgeEvent](),
	"eventbridge-of-aws":        reflect.TypeFor[events.CloudWatchEvent](),
	"schedule-rule":             reflect.TypeFor[events.CloudWatchEvent](),
	"schedule-scheduler":        reflect.TypeFor[events.EventBridgeEvent](),
	"kinesis":                   reflect.TypeFor[events.KinesisEvent](),
	"kinesis-fan-out":           reflect.TypeFor[events.KinesisTimeWindowEvent](),
	"kafka-msk":                 reflect.TypeFor[events.KafkaEvent](),
	"kafka-self-managed":        reflect.TypeFor[*events.KafkaEvent](),
	"dynamodb":                  reflect.TypeFor[events.DynamoDBEvent](),
	"dynamodb-one-item":         reflect.TypeFor[events.DynamoDBTimeWindowEvent](),
	"s3":                        reflect.TypeFor[events.S3Event](),
	"s3-removed":                reflect.TypeFor[events.S3Event](),
	"step-functions":            reflect.TypeFor[payload](),
	"step-functions-within":     reflect.TypeFor[*outerPayload](),
	"cognito-pre-sign-up":       reflect.TypeFor[events.CognitoEventUserPoolsPreSignup](),
	"cognito-sync":              reflect.TypeFor[events.CognitoEvent](),
	"plain":                     reflect.TypeFor[struct{ Order int }](),
	"authorizer":                reflect.TypeFor[events.APIGatewayCustomAuthorizerRequestTypeRequest](),
}

func document(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// ways are the forms in which a document comes to a Reader, and gives the same cause.
var ways = map[string]func(t testing.TB, name string, data []byte) trigger.Cause{
	"typed": func(t testing.TB, name string, data []byte) trigger.Cause {
		return typedCause(t, corpus[name], data)
	},
	"map": func(t testing.TB, _ string, data []byte) trigger.Cause {
		return typedCause(t, reflect.TypeFor[map[string]any](), data)
	},
	"map of numbers": func(t testing.TB, _ string, data []byte) trigger.Cause {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		var event any
		if err := decoder.Decode(&event); err != nil {
			t.Fatal(err)
		}
		return trigger.NewReader(reflect.TypeFor[any](), settings).Typed(reflect.ValueOf(&event).Elem())
	},
	"map of raw messages": func(t testing.TB, _ string, data []byte) trigger.Cause {
		return typedCause(t, reflect.TypeFor[map[string]json.RawMessage](), data)
	},
	"raw message": func(t testing.TB, _ string, data []byte) trigger.Cause {
		return typedCause(t, reflect.TypeFor[json.RawMessage](), data)
	},
	"bytes": func(_ testing.TB, _ string, data []byte) trigger.Cause {
		return trigger.NewReader(reflect.TypeFor[[]byte](), settings).Typed(reflect.ValueOf(data))
	},
	"raw": func(_ testing.TB, _ string, data []byte) trigger.Cause {
		return trigger.NewReader(nil, settings).Raw(data)
	},
	"raw, compact": func(t testing.TB, _ string, data []byte) trigger.Cause {
		var out bytes.Buffer
		if err := json.Compact(&out, data); err != nil {
			t.Fatal(err)
		}
		return trigger.NewReader(nil, settings).Raw(out.Bytes())
	},
}

// typedCause decodes data as aws-lambda-go does.
func typedCause(t testing.TB, event reflect.Type, data []byte) trigger.Cause {
	t.Helper()
	v := reflect.New(event)
	if err := json.Unmarshal(data, v.Interface()); err != nil {
		t.Fatal(err)
	}
	return trigger.NewReader(event, settings).Typed(v.Elem())
}

// TestCorpus: each document gives the cause of its golden file, in whatever form it comes.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil || len(files) != len(corpus) {
		t.Fatalf("%d documents, %d types, %v", len(files), len(corpus), err)
	}
	for name := range corpus {
		t.Run(name, func(t *testing.T) {
			data := document(t, name)
			golden := filepath.Join("testdata", "events", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(dump(ways["raw"](t, name, data))), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			for way, cause := range ways {
				if diff := cmp.Diff(string(want), dump(cause(t, name, data))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", way, diff)
				}
			}
		})
	}
}

// dump writes a cause as golden files have it.
func dump(c trigger.Cause) string {
	var b strings.Builder
	fmt.Fprintf(&b, "source: %s\nkind: %s\nname: %s\nhttp: %t\nbatch: %d\n", c.Source, c.Kind, c.Name, c.HTTP, c.Batch)
	var lines []string
	for _, kv := range c.Attributes {
		lines = append(lines, fmt.Sprintf("  %s = %s\n", kv.Key, kv.Value.String()))
	}
	slices.Sort(lines)
	fmt.Fprintf(&b, "attributes:\n%s", strings.Join(lines, ""))
	dumpOrigin(&b, "caller", c.Caller)
	for i, origin := range c.Messages {
		dumpOrigin(&b, fmt.Sprintf("message %d", i), origin)
	}
	return b.String()
}

func dumpOrigin(b *strings.Builder, name string, o trigger.Origin) {
	if o.Carrier == nil && o.TraceHeader == "" {
		return
	}
	fmt.Fprintf(b, "%s:\n", name)
	if o.TraceHeader != "" {
		fmt.Fprintf(b, "  trace header: %s\n", o.TraceHeader)
	}
	if o.Carrier == nil {
		return
	}
	for _, key := range slices.Sorted(slices.Values(o.Carrier.Keys())) {
		if text := o.Carrier.Get(key); text != "" {
			fmt.Fprintf(b, "  %s: %s\n", key, text)
		}
	}
}

// TestPropagation: real propagators find in the corpus what its documents hold.
func TestPropagation(t *testing.T) {
	p := propagation.TraceContext{}
	for name, want := range map[string]int{"rest-api": 1, "http-api": 1, "sqs": 1, "sns-in-sqs": 2, "sns": 1, "kinesis": 2, "kafka-msk": 2, "eventbridge": 1, "step-functions": 1} {
		for way, cause := range ways {
			c := cause(t, name, document(t, name))
			found := 0
			for _, o := range append(c.Messages, c.Caller) {
				if o.Carrier != nil && p.Extract(t.Context(), o.Carrier) != t.Context() {
					found++
				}
			}
			if found != want {
				t.Errorf("%s, %s: %d span contexts, want %d", name, way, found, want)
			}
		}
	}
}
