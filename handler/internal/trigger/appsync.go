package trigger

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// appSync is a GraphQL API whose field the function resolves (AWS AppSync Developer Guide, "Direct Lambda resolver reference"). The
// event has the headers of the client's request. The result is a field's value and no HTTP response, so the trigger is not HTTP.
var appSync = source{
	name: "AppSync",
	is: func(d *document) bool {
		info := d.Get("info")
		return info.Get("parentTypeName").Present() && info.Get("fieldName").Present() && d.Get("request").IsObject()
	},
	read: readAppSync,
}

func readAppSync(d *document, _ *Settings) Cause {
	c := newServerCause(semconv.FaaSTriggerOther)
	switch d.Get("info").Get("parentTypeName").Text() { // other types are those of fields within a result
	case "Query":
		c.add(semconv.GraphQLOperationTypeQuery)
	case "Mutation":
		c.add(semconv.GraphQLOperationTypeMutation)
	case "Subscription":
		c.add(semconv.GraphQLOperationTypeSubscription)
	}
	c.Caller.Carrier = carrierOf(headerText, d.Get("request").Get("headers"), event.Value{})
	return c
}
