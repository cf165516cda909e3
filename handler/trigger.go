package handler

import (
	"reflect"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// eventsPackage holds the event types that are known by name. It is not imported: what it says is read by reflection.
const eventsPackage = "github.com/aws/aws-lambda-go/events"

// trigger is what the event's type tells of the invocation's cause. The zero value is an unknown cause.
type trigger struct {
	attributes []attribute.KeyValue // faas.trigger and what goes with it
	consumer   bool                 // the span's kind is consumer rather than server
	http       *httpFields          // where an HTTP event keeps its parts
}

var (
	httpTrigger  = []attribute.KeyValue{semconv.FaaSTriggerHTTP}
	queueTrigger = []attribute.KeyValue{ // OpenTelemetry AWS Lambda conventions, "SQS Event"
		semconv.FaaSTriggerPubSub, semconv.MessagingSystemAWSSQS, semconv.MessagingOperationTypeProcess,
	}
)

// triggerOf reads the cause off the type that the payload is decoded to, once for all invocations.
func triggerOf(event reflect.Type) trigger {
	if event == nil {
		return trigger{}
	}
	if event.Kind() == reflect.Pointer {
		event = event.Elem()
	}
	if event.PkgPath() != eventsPackage {
		return trigger{}
	}
	if names, ok := httpEvents[event.Name()]; ok {
		return trigger{attributes: httpTrigger, http: names.find(event)}
	}
	if event.Name() == "SQSEvent" {
		return trigger{attributes: queueTrigger, consumer: true}
	}
	return trigger{}
}

// kind is the span kind that the OpenTelemetry FaaS conventions ask for.
func (t *trigger) kind() trace.SpanKind {
	if t.consumer {
		return trace.SpanKindConsumer
	}
	return trace.SpanKindServer
}

// request reads an HTTP event; the request of any other has no method.
func (t *trigger) request(event reflect.Value) httpRequest {
	if t.http == nil {
		return httpRequest{}
	}
	if event.Kind() == reflect.Pointer {
		event = event.Elem() // invalid where the payload was null
	}
	if !event.IsValid() {
		return httpRequest{}
	}
	return t.http.read(event)
}
