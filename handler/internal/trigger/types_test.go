package trigger_test

import (
	"reflect"

	"github.com/aws/aws-lambda-go/events"
)

// eventTypes are the types that the documents in testdata/events are decoded to, by the documents' names.
var eventTypes = map[string]reflect.Type{
	"rest-api":                  reflect.TypeFor[events.APIGatewayProxyRequest](),
	"rest-api-repeated-headers": reflect.TypeFor[events.APIGatewayProxyRequest](),
	"http-api":                  reflect.TypeFor[events.APIGatewayV2HTTPRequest](),
	"http-api-default-route":    reflect.TypeFor[*events.APIGatewayV2HTTPRequest](),
	"websocket-connect":         reflect.TypeFor[events.APIGatewayWebsocketProxyRequest](),
	"websocket-message":         reflect.TypeFor[events.APIGatewayWebsocketProxyRequest](),
	"websocket-disconnect":      reflect.TypeFor[*events.APIGatewayWebsocketProxyRequest](),
	"load-balancer":             reflect.TypeFor[events.ALBTargetGroupRequest](),
	"load-balancer-multi-value": reflect.TypeFor[events.ALBTargetGroupRequest](),
	"function-url":              reflect.TypeFor[*events.LambdaFunctionURLRequest](),
	"vpc-lattice":               reflect.TypeFor[latticeRequest](),
	"vpc-lattice-v1":            reflect.TypeFor[*latticeRequestV1](),
	"sqs":                       reflect.TypeFor[events.SQSEvent](),
	"sqs-one-message":           reflect.TypeFor[*events.SQSEvent](),
	"sqs-two-queues":            reflect.TypeFor[events.SQSEvent](),
	"sns-in-sqs":                reflect.TypeFor[events.SQSEvent](),
	"eventbridge-in-sqs":        reflect.TypeFor[events.SQSEvent](),
	"pipes-sqs":                 reflect.TypeFor[[]events.SQSMessage](),
	"sns":                       reflect.TypeFor[events.SNSEvent](),
	"eventbridge":               reflect.TypeFor[events.EventBridgeEvent](),
	"eventbridge-of-aws":        reflect.TypeFor[events.CloudWatchEvent](),
	"schedule-rule":             reflect.TypeFor[events.CloudWatchEvent](),
	"schedule-scheduler":        reflect.TypeFor[events.EventBridgeEvent](),
	"kinesis":                   reflect.TypeFor[events.KinesisEvent](),
	"kinesis-fan-out":           reflect.TypeFor[events.KinesisTimeWindowEvent](),
	"kafka-msk":                 reflect.TypeFor[events.KafkaEvent](),
	"kafka-self-managed":        reflect.TypeFor[*events.KafkaEvent](),
	"activemq":                  reflect.TypeFor[events.ActiveMQEvent](),
	"rabbitmq":                  reflect.TypeFor[*events.RabbitMQEvent](),
	"dynamodb":                  reflect.TypeFor[events.DynamoDBEvent](),
	"dynamodb-one-item":         reflect.TypeFor[events.DynamoDBTimeWindowEvent](),
	"documentdb":                reflect.TypeFor[documentChanges](),
	"s3":                        reflect.TypeFor[events.S3Event](),
	"s3-removed":                reflect.TypeFor[events.S3Event](),
	"step-functions":            reflect.TypeFor[payload](),
	"step-functions-within":     reflect.TypeFor[*outerPayload](),
	"appsync":                   reflect.TypeFor[*fieldRequest](),
	"appsync-list":              reflect.TypeFor[[]fieldRequest](),
	"cognito-pre-sign-up":       reflect.TypeFor[events.CognitoEventUserPoolsPreSignup](),
	"cognito-sync":              reflect.TypeFor[events.CognitoEvent](),
	"plain":                     reflect.TypeFor[struct{ Order int }](),
	"authorizer":                reflect.TypeFor[events.APIGatewayCustomAuthorizerRequestTypeRequest](),
}

// payload is a task's payload that is a state machine's context object. The events package has no type for it.
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

// latticeRequest and latticeRequestV1 are requests of VPC Lattice, for which the events package has no types.
type latticeRequest struct {
	Version string              `json:"version"`
	Path    string              `json:"path"`
	Method  string              `json:"method"`
	Headers map[string][]string `json:"headers"`
	Query   map[string][]string `json:"queryStringParameters"`
	Context struct {
		ServiceARN string `json:"serviceArn"`
	} `json:"requestContext"`
	Body string `json:"body"`
}

type latticeRequestV1 struct {
	RawPath string            `json:"raw_path"`
	Method  string            `json:"method"`
	Headers map[string]string `json:"headers"`
	Query   map[string]string `json:"query_string_parameters"`
	Body    string            `json:"body"`
}

// documentChanges are those of DocumentDB, for which the events package has no type.
type documentChanges struct {
	EventSource string `json:"eventSource"`
	Events      []struct {
		Event struct {
			ClusterTime struct {
				Timestamp struct {
					T int64 `json:"t"`
				} `json:"$timestamp"`
			} `json:"clusterTime"`
			Namespace     map[string]string `json:"ns"`
			OperationType string            `json:"operationType"`
		} `json:"event"`
	} `json:"events"`
}

// fieldRequest is AppSync's, for which the events package has no type.
type fieldRequest struct {
	Arguments map[string]string `json:"arguments"`
	Request   struct {
		Headers map[string]string `json:"headers"`
	} `json:"request"`
	Info struct {
		FieldName      string `json:"fieldName"`
		ParentTypeName string `json:"parentTypeName"`
	} `json:"info"`
}
