package trigger

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// appSync is an API of AppSync, whose events have the headers of the client's request (AWS AppSync Developer Guide). The
// function is one of these:
//
//   - It resolves a field of a GraphQL API, alone or for a list of objects ("Direct Lambda resolver reference").
//   - It handles the operation PUBLISH or SUBSCRIBE on a channel of an Event API ("Channel namespace handlers").
//   - It authorizes requests to either API ("AWS_LAMBDA authorization").
//
// The result is no HTTP response, so the trigger is not HTTP.
var appSync = source{
	name: "AppSync",
	is: func(d *document) bool {
		request, info := resolverContext(d)
		isField := info.Get("parentTypeName").Present() && info.Get("fieldName").Present()
		isChannel := info.Get("channel").Present() && info.Get("operation").Present()
		return request.IsObject() && (isField || isChannel) || d.Get("authorizationToken").Present() && d.Get("requestHeaders").IsObject()
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
	c.Caller.Carrier = carrierOf(headerText, request.Get("headers").Or(d.Get("requestHeaders")), event.Value{})
	return c
}
