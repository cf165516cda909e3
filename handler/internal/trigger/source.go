package trigger

// Source is what has invoked a function. The zero value is not told.
type Source uint8

// The sources, in the order of the documentation's table.
const (
	Unknown Source = iota // to be found out from the event
	RESTAPI
	HTTPAPI
	WebSocketAPI
	LoadBalancer
	FunctionURL
	SQS
	SNS
	EventBridge
	Schedule
	Kinesis
	Kafka
	DynamoDB
	S3
	StepFunctions
	Cognito
	Other
)

// names are also what a program's Trigger is made of.
var names = [...]string{
	Unknown: "", RESTAPI: "REST API", HTTPAPI: "HTTP API", WebSocketAPI: "WebSocket API", LoadBalancer: "load balancer",
	FunctionURL: "function URL", SQS: "SQS", SNS: "SNS", EventBridge: "EventBridge", Schedule: "schedule",
	Kinesis: "Kinesis", Kafka: "Kafka", DynamoDB: "DynamoDB Streams", S3: "S3", StepFunctions: "Step Functions",
	Cognito: "Cognito", Other: "other",
}

// String returns the source's name, empty where it is not told.
func (s Source) String() string {
	if int(s) < len(names) {
		return names[s]
	}
	return ""
}

// Named returns the source of a name, Unknown where there is none.
func Named(name string) Source {
	for s, known := range names {
		if known == name {
			return Source(s)
		}
	}
	return Unknown
}
