package handler_test

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// situation is an invocation: the event, as documents of that source are, and what Lambda says with it.
type situation struct {
	functions   []any // by the types that users give the event
	payload     string
	lambda      string // the X-Ray header in aws-lambda-go's context
	environ     string // _X_AMZN_TRACE_ID
	concurrency string
}

const (
	firstTrace, firstParent   = "11111111111111111111111111111111", "1111111111111111"
	secondTrace, secondParent = "22222222222222222222222222222222", "2222222222222222"

	callerXRay    = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=" + w3cParent
	lambdaSampled = xrayRoot + ";Sampled=1"
)

// typed is a function of the event as E.
func typed[E any]() any { return func(E) error { return nil } }

// forms are functions of the event as E, as a map and as its JSON text.
func forms[E any]() []any {
	return []any{typed[E](), typed[map[string]any](), typed[json.RawMessage]()}
}

// Documents of the sources, with what varies left out.
const (
	httpAPI = `{"version":"2.0","routeKey":"GET /orders/{id}","rawPath":"/orders/17","rawQueryString":"",
		"headers":{"accept":"*/*",HEADERS},"requestContext":{"accountId":"123456789012","apiId":"api","stage":"$default",
		"domainName":"api.execute-api.eu-west-1.amazonaws.com","http":{"method":"GET","path":"/orders/17","protocol":"HTTP/1.1",
		"sourceIp":"192.0.2.1","userAgent":"agent"}},"isBase64Encoded":false}`
	restAPI = `{"resource":"/orders/{id}","path":"/orders/17","httpMethod":"GET","headers":{"Accept":"*/*",HEADERS},
		"multiValueHeaders":{"Accept":["*/*"],MULTI},"requestContext":{"resourceId":"r","resourcePath":"/orders/{id}",
		"httpMethod":"GET","apiId":"api","stage":"prod","identity":{"sourceIp":"192.0.2.1"}},"body":null,"isBase64Encoded":false}`
	loadBalancer = `{"requestContext":{"elb":{"targetGroupArn":
		"arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/lambda/1"}},"httpMethod":"GET","path":"/orders/17",
		"queryStringParameters":{},HEADERS,"body":"","isBase64Encoded":false}`
	functionURL = `{"version":"2.0","routeKey":"$default","rawPath":"/orders/17","rawQueryString":"","headers":{HEADERS},
		"requestContext":{"accountId":"anonymous","apiId":"url","domainName":"url.lambda-url.eu-west-1.on.aws",
		"http":{"method":"GET","path":"/orders/17","protocol":"HTTP/1.1","sourceIp":"192.0.2.1","userAgent":"agent"}},
		"isBase64Encoded":false}`
	webSocketConnect = `{"headers":{"Host":"api.example",HEADERS},"requestContext":{"apiId":"api","stage":"live","requestId":"r",
		"connectionId":"c","connectedAt":1768210200000,"routeKey":"$connect","eventType":"CONNECT","messageDirection":"IN"},
		"isBase64Encoded":false}`
	stepFunctions = `{MEMBERS,"context":{"Execution":{"Id":"arn:aws:states:eu-west-1:123456789012:execution:fulfil:run-1",
		"Input":{INPUT},"Name":"run-1","StartTime":"2026-01-12T09:30:00.000Z"},"State":{"Name":"Pick","RetryCount":0},
		"StateMachine":{"Id":"arn:aws:states:eu-west-1:123456789012:stateMachine:fulfil","Name":"fulfil"}}}`
)

// fill puts headers, as `"name":"value"` pairs, into a document.
func fill(document, headers string) string {
	return strings.NewReplacer("HEADERS", headers).Replace(document)
}

// overHTTPAPI is a request with headers, and Lambda's header with it.
func overHTTPAPI(headers, lambda string) situation {
	return situation{
		functions: append(forms[events.APIGatewayV2HTTPRequest](), typed[*events.APIGatewayV2HTTPRequest]()),
		payload:   fill(httpAPI, headers), lambda: lambda,
	}
}

// overStepFunctions is a task with members, of an execution with input.
func overStepFunctions(members, input, lambda string) situation {
	type task struct {
		Order       int             `json:"order"`
		Traceparent string          `json:"traceparent"`
		Header      string          `json:"AWSTraceHeader"`
		Context     json.RawMessage `json:"context"`
	}
	return situation{
		functions: forms[task](), lambda: lambda,
		payload: strings.NewReplacer("MEMBERS", members, "INPUT", input).Replace(stepFunctions),
	}
}

// plain is an event that says nothing.
func plain(s situation) situation {
	s.functions, s.payload = []any{typed[string](), typed[any](), func() {}}, `"order"`
	return s
}

// requestSituations are the situations of requests and of Lambda's header.
var requestSituations = map[string]situation{
	"HTTP API: header traceparent":                                        overHTTPAPI(`"traceparent":"`+traceparent+`"`, ""),
	"HTTP API: header traceparent, not sampled":                           overHTTPAPI(`"traceparent":"`+strings.TrimSuffix(traceparent, "1")+`0"`, ""),
	"HTTP API: header traceparent, malformed":                             overHTTPAPI(`"traceparent":"00-1"`, ""),
	"HTTP API: header traceparent, malformed; Lambda's header, Sampled=1": overHTTPAPI(`"traceparent":"00-1"`, lambdaSampled),
	"HTTP API: header traceparent; Lambda's header, Sampled=1":            overHTTPAPI(`"traceparent":"`+traceparent+`"`, lambdaSampled),
	"HTTP API: header traceparent; Lambda's header, Sampled=0":            overHTTPAPI(`"traceparent":"`+traceparent+`"`, xrayRoot+";Sampled=0"),
	"HTTP API: header b3":                                                 overHTTPAPI(`"b3":"`+w3cTrace+"-"+w3cParent+`-1"`, ""),
	"HTTP API: headers X-B3-TraceId, X-B3-SpanId, X-B3-Sampled": overHTTPAPI(
		`"x-b3-traceid":"`+w3cTrace+`","x-b3-spanid":"`+w3cParent+`","x-b3-sampled":"1"`, ""),
	"HTTP API: header X-Amzn-Trace-Id, Sampled=1":                             overHTTPAPI(`"x-amzn-trace-id":"`+callerXRay+`;Sampled=1"`, ""),
	"HTTP API: header X-Amzn-Trace-Id, Sampled=0":                             overHTTPAPI(`"x-amzn-trace-id":"`+callerXRay+`;Sampled=0"`, ""),
	"HTTP API: header X-Amzn-Trace-Id, Root alone, as AWS adds it":            overHTTPAPI(`"x-amzn-trace-id":"Root=1-4bf92f35-77b34da6a3ce929d0e0e4736"`, ""),
	"HTTP API: header X-Amzn-Trace-Id, Sampled=1; Lambda's header, Sampled=1": overHTTPAPI(`"x-amzn-trace-id":"`+callerXRay+`;Sampled=1"`, lambdaSampled),
	"REST API: header Traceparent, in another case": {
		functions: forms[events.APIGatewayProxyRequest](),
		payload:   strings.NewReplacer("HEADERS", `"Traceparent":"`+traceparent+`"`, "MULTI", `"Traceparent":["`+traceparent+`"]`).Replace(restAPI),
	},
	"REST API: traceparent among the multi-value headers": {
		functions: forms[events.APIGatewayProxyRequest](),
		payload:   strings.NewReplacer(`"headers":{"Accept":"*/*",HEADERS}`, `"headers":null`, "MULTI", `"traceparent":["`+traceparent+`"]`).Replace(restAPI),
	},
	"load balancer: header traceparent": {
		functions: forms[events.ALBTargetGroupRequest](),
		payload:   fill(loadBalancer, `"headers":{"traceparent":"`+traceparent+`"}`),
	},
	"load balancer: traceparent among the multi-value headers": {
		functions: forms[events.ALBTargetGroupRequest](),
		payload:   fill(loadBalancer, `"multiValueHeaders":{"traceparent":["`+traceparent+`"]}`),
	},
	"function URL: header traceparent": {
		functions: forms[events.LambdaFunctionURLRequest](),
		payload:   fill(functionURL, `"traceparent":"`+traceparent+`"`),
	},

	"WebSocket API, a connection begins: header traceparent": {
		functions: forms[events.APIGatewayWebsocketProxyRequest](), payload: fill(webSocketConnect, `"traceparent":"`+traceparent+`"`),
	},
	"Step Functions: member traceparent of the payload":           overStepFunctions(`"traceparent":"`+traceparent+`"`, `"order":17`, ""),
	"Step Functions: member traceparent of the execution's input": overStepFunctions(`"order":17`, `"traceparent":"`+traceparent+`"`, ""),
	"Step Functions: member AWSTraceHeader of the payload, Sampled=1; Lambda's header, Sampled=1": overStepFunctions(
		`"AWSTraceHeader":"`+callerXRay+`;Sampled=1"`, "", lambdaSampled),
	"Step Functions: member AWSTraceHeader of the payload, Sampled=0; Lambda's header, Sampled=1": overStepFunctions(
		`"AWSTraceHeader":"`+callerXRay+`;Sampled=0"`, "", lambdaSampled),
	"Step Functions: Lambda's header, Sampled=1": overStepFunctions(`"order":17`, `"order":17`, lambdaSampled),

	"any: nowhere":                                    plain(situation{}),
	"any: Lambda's header, Sampled=1":                 plain(situation{lambda: lambdaSampled}),
	"any: Lambda's header, Sampled=0":                 plain(situation{lambda: xrayRoot + ";Sampled=0;Lineage=1:a:0"}),
	"any: Lambda's header, no decision":               plain(situation{lambda: xrayRoot}),
	"any: Lambda's header, Root alone":                plain(situation{lambda: "Root=1-5759e988-bd862e3fe1be46a994272793"}),
	"any: Lambda's header, malformed":                 plain(situation{lambda: "Root=1-x;Sampled=1"}),
	"any: _X_AMZN_TRACE_ID, one invocation at a time": plain(situation{environ: lambdaSampled}),
	"any: _X_AMZN_TRACE_ID, several at once":          plain(situation{environ: lambdaSampled, concurrency: "2"}),
	"any: Lambda's header, several at once; _X_AMZN_TRACE_ID of another": plain(situation{
		lambda: lambdaSampled, environ: callerXRay + ";Sampled=1", concurrency: "64",
	}),
}
