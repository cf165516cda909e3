package trigger

import "slices"

// Source is the service that has invoked a function.
type Source uint8

// The sources, in the order of the table in docs/triggers.md.
const (
	Unknown Source = iota // detected in the event
	RESTAPI
	HTTPAPI
	WebSocketAPI
	LoadBalancer
	FunctionURL
	VPCLattice
	SQS
	SNS
	EventBridge
	Schedule
	Kinesis
	Kafka
	ActiveMQ
	RabbitMQ
	DynamoDB
	DocumentDB
	S3
	StepFunctions
	AppSync
	Cognito
	Other
)

// source describes one event source. document.detect has the members that identify its events.
type source struct {
	name   string
	types  []string // of aws-lambda-go's events package, that only this source has
	record []string // the members of one record that read reads; nil if events have no records
	read   func(*document, *Settings) Cause
}

// sources is the table of event sources. docs/triggers.md has the steps that add one.
var sources = [...]source{
	Unknown:      {},
	RESTAPI:      {name: "REST API", types: []string{"APIGatewayProxyRequest"}, read: readHTTP},
	HTTPAPI:      {name: "HTTP API", types: []string{"APIGatewayV2HTTPRequest"}, read: readHTTP},
	WebSocketAPI: {name: "WebSocket API", types: []string{"APIGatewayWebsocketProxyRequest"}, read: readWebSocket},
	LoadBalancer: {name: "load balancer", types: []string{"ALBTargetGroupRequest"}, read: readHTTP},
	FunctionURL:  {name: "function URL", types: []string{"LambdaFunctionURLRequest"}, read: readHTTP},
	VPCLattice:   {name: "VPC Lattice", read: readVPCLattice},
	SQS: {
		name: "SQS", types: []string{"SQSEvent", "SQSMessage"}, read: readSQS,
		record: []string{"messageId", "eventSourceARN", "attributes", "messageAttributes", "body"},
	},
	SNS:         {name: "SNS", types: []string{"SNSEvent", "SNSEventRecord"}, read: readSNS, record: []string{"Sns"}},
	EventBridge: {name: "EventBridge", types: []string{"CloudWatchEvent"}, read: readEventBridge},
	Schedule:    {name: "schedule", read: readSchedule},
	Kinesis: {
		name: "Kinesis", types: []string{"KinesisEvent", "KinesisEventRecord"}, read: readKinesis,
		record: []string{"eventID", "eventSourceARN", "kinesis", "data"},
	},
	Kafka: {
		name: "Kafka", types: []string{"KafkaEvent", "KafkaRecord"}, read: readKafka,
		record: []string{"topic", "partition", "offset", "headers"},
	},
	ActiveMQ: {
		name: "ActiveMQ", types: []string{"ActiveMQEvent", "ActiveMQMessage"}, read: readActiveMQ,
		record: []string{"messageID", "destination", "properties"},
	},
	RabbitMQ: {
		name: "RabbitMQ", types: []string{"RabbitMQEvent", "RabbitMQMessage"}, read: readRabbitMQ,
		record: []string{"basicProperties", "eventSourceKey"},
	},
	DynamoDB: {
		name: "DynamoDB Streams", types: []string{"DynamoDBEvent"}, read: readDynamoDB,
		record: []string{"eventName", "eventSourceARN", "dynamodb"},
	},
	DocumentDB:    {name: "DocumentDB", read: readDocumentDB, record: []string{"event"}},
	S3:            {name: "S3", types: []string{"S3Event"}, read: readS3, record: []string{"eventName", "eventTime", "s3"}},
	StepFunctions: {name: "Step Functions", read: readStepFunctions},
	AppSync:       {name: "AppSync", read: readAppSync},
	Cognito:       {name: "Cognito", types: []string{"CognitoEvent", "CognitoEventUserPoolsHeader"}, read: readCognito},
	Other:         {name: "other", read: readOther},
}

// String returns the source's name, empty for Unknown.
func (s Source) String() string { return sources[s].name }

// Named returns the source with a name, Unknown if there is none.
func Named(name string) Source {
	return find(func(s source) bool { return s.name == name })
}

// find returns the first source of the table that matches, Unknown if none does.
func find(matches func(source) bool) Source {
	return Source(max(0, slices.IndexFunc(sources[:], matches)))
}
