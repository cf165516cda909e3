package trigger

import (
	"slices"
	"sync"
)

// Source is what has invoked a function.
type Source uint8

// The sources, in the order of the table in docs/triggers.md. Detection tries them in this order.
const (
	Unknown Source = iota // the event tells
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
	// signature are the event's members that tell the source.
	signature []string
	// members are the other members of the event that read needs.
	members []string
	// is reports whether an event is of this source. It is nil if the event never tells.
	is   func(*document) bool
	read func(*document, *Settings) Cause
}

// sources is the table of event sources. docs/triggers.md has the steps that add one.
var sources = [...]*source{
	RESTAPI: &restAPI, HTTPAPI: &httpAPI, WebSocketAPI: &webSocket, LoadBalancer: &loadBalancer, FunctionURL: &functionURL,
	VPCLattice: &vpcLattice, SQS: &sqs, SNS: &sns, EventBridge: &eventBridge, Schedule: &schedule, Kinesis: &kinesis, Kafka: &kafka,
	ActiveMQ: &activeMQ, RabbitMQ: &rabbitMQ, DynamoDB: &dynamoDB, DocumentDB: &documentDB, S3: &s3,
	StepFunctions: &stepFunctions, AppSync: &appSync, Cognito: &cognito, Other: &other,
}

// known are the sources of the table.
var known = sources[RESTAPI:]

// String returns the source's name, empty for Unknown.
func (s Source) String() string {
	if s == Unknown || int(s) >= len(sources) {
		return ""
	}
	return sources[s].name
}

// Named returns the source with a name, Unknown if there is none.
func Named(name string) Source {
	for i, s := range known {
		if s.name == name {
			return RESTAPI + Source(i)
		}
	}
	return Unknown
}

// sourceOfType returns the source of a type in aws-lambda-go's events package, Unknown if the type alone does not tell.
func sourceOfType(name string) Source {
	for i, s := range known {
		if slices.Contains(s.types, name) {
			return RESTAPI + Source(i)
		}
	}
	return Unknown
}

// signatures are the members by which events tell their source.
var signatures = sync.OnceValue(func() []string {
	return union(func(s *source) []string { return s.signature })
})

// topLevel are all members of events that are read.
var topLevel = sync.OnceValue(func() []string {
	return union(func(s *source) []string { return slices.Concat(s.signature, s.members) })
})

func union(of func(*source) []string) (all []string) {
	for _, s := range known {
		for _, name := range of(s) {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}
