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

// source describes one event source. Each is in a file of its own.
type source struct {
	name string
	// types are the types of aws-lambda-go's events package that only this source has.
	types []string
	// is reports whether an event is of this source. It is nil if no event identifies the source.
	is   func(*document) bool
	read func(*document, *Settings) Cause
	// record are the members of one record that read reads. It is nil if events have no records.
	record []string
}

// sources is the table of event sources. docs/triggers.md has the steps that add one.
var sources = [...]*source{
	Unknown: {}, RESTAPI: &restAPI, HTTPAPI: &httpAPI, WebSocketAPI: &webSocket, LoadBalancer: &loadBalancer,
	FunctionURL: &functionURL, VPCLattice: &vpcLattice, SQS: &sqs, SNS: &sns, EventBridge: &eventBridge, Schedule: &schedule,
	Kinesis: &kinesis, Kafka: &kafka, ActiveMQ: &activeMQ, RabbitMQ: &rabbitMQ, DynamoDB: &dynamoDB, DocumentDB: &documentDB, S3: &s3,
	StepFunctions: &stepFunctions, AppSync: &appSync, Cognito: &cognito, Other: &other,
}

// String returns the source's name, empty for Unknown.
func (s Source) String() string { return sources[s].name }

// find returns the first source of the table that matches, Unknown if none does.
func find(matches func(*source) bool) Source {
	return Source(max(0, slices.IndexFunc(sources[:], matches)))
}

// Named returns the source with a name, Unknown if there is none.
func Named(name string) Source {
	return find(func(s *source) bool { return s.name == name })
}
