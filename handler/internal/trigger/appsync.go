package trigger

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// appSync is a GraphQL API whose field the function resolves, alone or for a list of objects (AWS AppSync Developer
// Guide, "Direct Lambda resolver reference"). The event has the headers of the client's request. The result is a
// field's value and no HTTP response, so the trigger is not HTTP.
var appSync = source{
	name: "AppSync",
	is: func(d *document) bool {
		request, info := resolverContext(d)
		return info.Get("parentTypeName").Present() && info.Get("fieldName").Present() && request.IsObject()
	},
	read: readAppSync,
}

// resolverContext returns members of the context, which is the event or the first of a list.
func resolverContext(d *document) (request, info event.Value) {
	first := d.records.First()
	return d.Get("request").Or(first.Get("request")), d.Get("info").Or(first.Get("info"))
}

func readAppSync(d *document, _ *Settings) Cause {
	c := newServerCause(semconv.FaaSTriggerOther)
	request, info := resolverContext(d)
	switch info.Get("parentTypeName").Text() { // other types are those of fields within a result
	case "Query":
		c.add(semconv.GraphQLOperationTypeQuery)
	case "Mutation":
		c.add(semconv.GraphQLOperationTypeMutation)
	case "Subscription":
		c.add(semconv.GraphQLOperationTypeSubscription)
	}
	c.Caller.Carrier = carrierOf(headerText, request.Get("headers"), event.Value{})
	return c
}
