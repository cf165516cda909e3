package trigger

import "github.com/epilogue-go/epilogue/handler/internal/event"

// documentDB is a cluster whose changes come as a stream (AWS Lambda Developer Guide, "Using Lambda with Amazon
// DocumentDB"). The conventions call a database the collection, and a collection the document's name (FaaS conventions,
// faas.document.name). Keys and contents of documents are not recorded.
var documentDB = source{
	name: "DocumentDB",
	is:   func(d *document) bool { return d.Get("events").IsList() && d.Get("eventSource").Text() == "aws:docdb" },
	read: readDocumentDB,
}

func readDocumentDB(d *document, _ *Settings) Cause {
	s := storeOf(d.Get("events"), func(r *event.Object) change {
		e := r.Get("event").Select("ns", "operationType", "clusterTime")
		return change{
			collection: e.Get("ns").Get("db").Text(), operation: e.Get("operationType").Text(), name: e.Get("ns").Get("coll").Text(),
			at: e.Get("clusterTime").Get("$timestamp").Get("t"),
		}
	}, "event")
	return s.cause(s.collection.get())
}
