package handler_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

const (
	firstW3C, secondW3C   = "00-" + firstTrace + "-" + firstParent + "-01", "00-" + secondTrace + "-" + secondParent + "-01"
	firstXRay, secondXRay = "Root=1-11111111-111111111111111111111111;Parent=" + firstParent, "Root=1-22222222-222222222222222222222222;Parent=" + secondParent
)

// sqsMessage is a message of a queue.
func sqsMessage(attributes, traceHeader, body string) string {
	system := `"ApproximateReceiveCount":"1","SentTimestamp":"1768210200000"`
	if traceHeader != "" {
		system += `,"AWSTraceHeader":"` + traceHeader + `"`
	}
	return fmt.Sprintf(`{"messageId":"0b1d2c3e-0000-4000-8000-000000000001","receiptHandle":"AQEB","body":%q,"attributes":{%s},
		"messageAttributes":{%s},"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:orders",
		"awsRegion":"eu-west-1"}`, body, system, attributes)
}

// sqsW3C is a message with the attribute traceparent.
func sqsW3C(traceparent, traceHeader string) string {
	return sqsMessage(`"traceparent":{"stringValue":"`+traceparent+`","stringListValues":[],"binaryListValues":[],"dataType":"String"}`,
		traceHeader, "order")
}

// sqsXRay is a message with nothing but AWSTraceHeader.
func sqsXRay(traceHeader string) string { return sqsMessage("", traceHeader, `{"order":17}`) }

// notified is a message of a queue that SNS has written to.
func notified(traceparent string) string {
	return sqsMessage("", "", `{"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:eu-west-1:123456789012:orders",`+
		`"Message":"order","MessageAttributes":{"traceparent":{"Type":"String","Value":"`+traceparent+`"}}}`)
}

// records is an event of the source E, with Lambda's header.
func records[E any](lambda string, records ...string) situation {
	return situation{functions: forms[E](), payload: `{"Records":[` + strings.Join(records, ",") + `]}`, lambda: lambda}
}

// kinesisRecord is a record whose data is a JSON object.
func kinesisRecord(traceparent string) string {
	data := base64.StdEncoding.EncodeToString([]byte(`{"order":17,"traceparent":"` + traceparent + `"}`))
	return `{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"p","sequenceNumber":"1","data":"` + data + `",
		"approximateArrivalTimestamp":1768210200.123},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-3:1",
		"eventName":"aws:kinesis:record","awsRegion":"eu-west-1",
		"eventSourceARN":"arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"}`
}

// kafkaRecord is a record with a header, whose bytes are numbers.
func kafkaRecord(traceparent string) string {
	numbers := make([]int, len(traceparent))
	for i := range numbers {
		numbers[i] = int(traceparent[i])
	}
	header, err := json.Marshal(numbers)
	if err != nil {
		panic(err)
	}
	return `{"topic":"orders","partition":0,"offset":40,"timestamp":1768210200123,"timestampType":"CREATE_TIME","key":"aw==",
		"value":"dg==","headers":[{"traceparent":` + string(header) + `}]}`
}

// silent is an event that carries nothing.
func silent[E any](payload string) situation {
	return situation{functions: forms[E](), payload: payload, lambda: lambdaSampled}
}

// messageSituations are the situations of messages, and of events that carry nothing.
var messageSituations = map[string]situation{
	"SQS, a batch: message attribute traceparent":                             records[events.SQSEvent]("", sqsW3C(firstW3C, ""), sqsW3C(secondW3C, "")),
	"SQS, a batch: message attribute traceparent, the same in both":           records[events.SQSEvent]("", sqsW3C(firstW3C, ""), sqsW3C(firstW3C, "")),
	"SQS, a batch: message attribute traceparent; Lambda's header, Sampled=1": records[events.SQSEvent](lambdaSampled, sqsW3C(firstW3C, ""), sqsW3C(secondW3C, "")),
	"SQS, a batch: message attribute traceparent; Lambda's header, Sampled=0": records[events.SQSEvent](xrayRoot+";Sampled=0", sqsW3C(firstW3C, ""), sqsW3C(secondW3C, "")),
	"SQS, a batch: AWSTraceHeader, Sampled=1":                                 records[events.SQSEvent]("", sqsXRay(firstXRay+";Sampled=1"), sqsXRay(secondXRay+";Sampled=1")),
	"SQS, a batch: AWSTraceHeader, Sampled=0":                                 records[events.SQSEvent]("", sqsXRay(firstXRay+";Sampled=0"), sqsXRay(secondXRay+";Sampled=0")),
	"SQS, a batch: message attribute traceparent, and another in AWSTraceHeader": records[events.SQSEvent]("",
		sqsW3C(firstW3C, callerXRay+";Sampled=1"), sqsW3C(secondW3C, callerXRay+";Sampled=1")),

	"SQS, one message: message attribute traceparent":                             records[events.SQSEvent]("", sqsW3C(firstW3C, "")),
	"SQS, one message: message attribute traceparent; Lambda's header, Sampled=1": records[events.SQSEvent](lambdaSampled, sqsW3C(firstW3C, "")),
	"SQS, one message: AWSTraceHeader, Sampled=1":                                 records[events.SQSEvent]("", sqsXRay(firstXRay+";Sampled=1")),
	"SQS, one message: AWSTraceHeader, Sampled=0":                                 records[events.SQSEvent]("", sqsXRay(firstXRay+";Sampled=0")),
	"SQS, one message: Lambda's header, Sampled=1":                                records[events.SQSEvent](lambdaSampled, sqsXRay("")),

	"SNS: message attribute traceparent": records[events.SNSEvent]("", `{"EventVersion":"1.0","EventSubscriptionArn":
		"arn:aws:sns:eu-west-1:123456789012:orders:s","EventSource":"aws:sns","Sns":{"Type":"Notification","MessageId":"m","Message":"order",
		"TopicArn":"arn:aws:sns:eu-west-1:123456789012:orders","Timestamp":"2026-01-12T09:30:00.000Z",
		"MessageAttributes":{"traceparent":{"Type":"String","Value":"`+firstW3C+`"}}}}`),
	"SNS in SQS: attribute traceparent of the notification in the body": records[events.SQSEvent]("", notified(firstW3C), notified(secondW3C)),
	"EventBridge: member traceparent of the detail": {functions: forms[events.EventBridgeEvent](), payload: `{"version":"0","id":"i",
		"detail-type":"Order Placed","source":"shop.orders","account":"123456789012","time":"2026-01-12T09:30:00Z","region":"eu-west-1",
		"resources":[],"detail":{"order":17,"traceparent":"` + firstW3C + `"}}`},
	"Kinesis: member traceparent of the data, a JSON object": records[events.KinesisEvent]("", kinesisRecord(firstW3C), kinesisRecord(secondW3C)),
	"Kafka: record header traceparent": {functions: forms[events.KafkaEvent](), payload: `{"eventSource":"aws:kafka","eventSourceArn":
		"arn:aws:kafka:eu-west-1:123456789012:cluster/shop/u","bootstrapServers":"b:9092","records":{"orders-0":[` +
		kafkaRecord(firstW3C) + `,` + kafkaRecord(secondW3C) + `]}}`},

	"DynamoDB Streams: Lambda's header, Sampled=1": silent[events.DynamoDBEvent](`{"Records":[{"eventID":"e","eventName":"REMOVE","eventVersion":"1.1",
		"eventSource":"aws:dynamodb","awsRegion":"eu-west-1","dynamodb":{"Keys":{"id":{"S":"17"}},"SequenceNumber":"1","SizeBytes":9,
		"StreamViewType":"KEYS_ONLY"},"eventSourceARN":"arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-12T09:30:00.000"}]}`),
	"S3: Lambda's header, Sampled=1": silent[events.S3Event](`{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1",
		"eventTime":"2026-01-12T09:30:00.000Z","eventName":"ObjectCreated:Put","s3":{"s3SchemaVersion":"1.0","configurationId":"c",
		"bucket":{"name":"orders","arn":"arn:aws:s3:::orders"},"object":{"key":"17","size":9,"eTag":"e","sequencer":"s"}}}]}`),
	"schedule: Lambda's header, Sampled=1": silent[events.EventBridgeEvent](`{"version":"0","id":"i","detail-type":"Scheduled Event",
		"source":"aws.events","account":"123456789012","time":"2026-01-12T09:30:00Z","region":"eu-west-1","resources":[],"detail":{}}`),
	"Cognito: Lambda's header, Sampled=1": silent[events.CognitoEventUserPoolsPreSignup](`{"version":"1","triggerSource":"PreSignUp_SignUp",
		"region":"eu-west-1","userPoolId":"eu-west-1_a","userName":"u","callerContext":{"awsSdkVersion":"a","clientId":"c"},
		"request":{"userAttributes":{},"validationData":{}},"response":{}}`),
}
