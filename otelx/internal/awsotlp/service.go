package awsotlp

import (
	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

// service is an AWS service with an OTLP endpoint for one signal.
type service struct {
	name   string // in hosts, and in the scope of a signature
	title  string // in messages
	signal otelenv.Signal
	limits config.Limits
	action string // that a role must be allowed
	policy string // a managed policy that allows it
}

// services are the OTLP endpoints of AWS (Amazon CloudWatch User Guide, "OTLP Endpoints"). A kilobyte is 1000 bytes here, the
// smaller reading.
var services = []service{
	{
		name: "xray", title: "X-Ray", signal: otelenv.Traces,
		limits: config.Limits{RequestBytes: 5_000_000, RequestItems: 10_000, ItemBytes: 200_000, ResourceBytes: 16_000},
		action: "xray:PutTraceSegments", policy: "AWSXrayWriteOnlyAccess",
	},
	{
		name: "monitoring", title: "CloudWatch", signal: otelenv.Metrics,
		limits: config.Limits{RequestBytes: 1_000_000, RequestItems: 1_000},
		action: "cloudwatch:PutMetricData", policy: "CloudWatchAgentServerPolicy",
	},
	{
		name: "logs", title: "CloudWatch Logs", signal: otelenv.Logs,
		limits: config.Limits{RequestBytes: 1_000_000},
		action: "logs:PutLogEvents", policy: "AWSLambdaBasicExecutionRole",
	},
}

// serviceFor returns the service that takes a signal.
func serviceFor(signal otelenv.Signal) *service {
	for i := range services {
		if services[i].signal == signal {
			return &services[i]
		}
	}
	return nil
}

// named returns the service with a name; nil if there is none.
func named(name string) *service {
	for i := range services {
		if services[i].name == name {
			return &services[i]
		}
	}
	return nil
}

// path is that of the service's endpoint.
func (s *service) path() string { return otelenv.DefaultEndpoint(s.signal).Path }
