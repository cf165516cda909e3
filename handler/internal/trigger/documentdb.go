package trigger

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// documentDB is a cluster whose changes come as a stream (AWS Lambda Developer Guide, "Using Lambda with Amazon DocumentDB"). The
// conventions call a database the collection, and a collection the document's name (FaaS conventions, faas.document.name). Keys and
// contents of documents are not recorded.
var documentDB = source{
	name:      "DocumentDB",
	signature: []string{"eventSource"},
	members:   []string{"events"},
	is:        func(d *document) bool { return d.Get("events").IsList() && d.Get("eventSource").Is("aws:docdb") },
	read:      readDocumentDB,
}

func readDocumentDB(d *document, _ *Settings) Cause {
	var s store
	var collection common
	s.count = d.Get("events").EachObject(maxMessages, []string{"event"}, func(r *event.Object) {
		e := r.Get("event").Select("ns", "operationType", "clusterTime")
		names := e.Get("ns").Select("db", "coll")
		collection.add(names.Get("coll"))
		s.add(names.Get("db"), documentOperation(e.Get("operationType").Text()), e.Get("clusterTime").Get("$timestamp").Get("t"))
	})
	s.name = collection.get()
	return s.cause(s.collection.get())
}

// documentOperation is the conventions' word for a change event's type; the zero value for changes of whole collections.
func documentOperation(name string) attribute.KeyValue {
	switch name {
	case "insert":
		return semconv.FaaSDocumentOperationInsert
	case "update", "replace":
		return semconv.FaaSDocumentOperationEdit
	case "delete":
		return semconv.FaaSDocumentOperationDelete
	}
	return attribute.KeyValue{}
}
