package trigger

import (
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// change describes one record of a data store.
type change struct {
	collection, operation, name string      // the operation in the store's own words
	at                          event.Value // a time
}

// store gathers what the records of a data store's event tell (OpenTelemetry FaaS conventions, "Datasource").
type store struct {
	count                       int
	collection, operation, name common
	at                          event.Value // of the last record
}

// storeOf reads the records of a list.
func storeOf(list event.Value, read func(record *event.Object) change, members ...string) (s store) {
	s.count = list.EachObject(maxMessages, members, func(record *event.Object) {
		c := read(record)
		s.collection.add(c.collection)
		s.operation.add(operationOf(c.operation))
		s.name.add(c.name)
		s.at = c.at
	})
	return s
}

// cause returns the attributes that all records share, and the name and the time of a single one.
func (s *store) cause(collection string) Cause {
	c := newServerCause(semconv.FaaSTriggerDatasource)
	c.addText(semconv.FaaSDocumentCollectionKey, collection)
	c.addText(semconv.FaaSDocumentOperationKey, s.operation.get())
	if s.count == 1 {
		c.addText(semconv.FaaSDocumentNameKey, s.name.get())
		c.addText(semconv.FaaSDocumentTimeKey, moment(s.at))
	}
	return c
}

// operationOf is the conventions' word for the change of an item in DynamoDB, of a document in DocumentDB or of an
// object in S3 (Amazon S3 User Guide, "Supported event types"). It is empty for a change of whole collections, and for
// any other event.
func operationOf(name string) string {
	switch name {
	case "INSERT", "insert", "ObjectCreated":
		return semconv.FaaSDocumentOperationInsert.Value.AsString()
	case "MODIFY", "update", "replace",
		"ObjectTagging", "ObjectAcl", "ObjectRestore", "LifecycleTransition", "IntelligentTiering":
		return semconv.FaaSDocumentOperationEdit.Value.AsString()
	case "REMOVE", "delete", "ObjectRemoved", "LifecycleExpiration", "ReducedRedundancyLostObject":
		return semconv.FaaSDocumentOperationDelete.Value.AsString()
	}
	return ""
}

// moment returns a time as the conventions want it: ISO 8601 in UTC, to the millisecond. It is empty for the zero time.
func moment(v event.Value) string {
	t := v.Time()
	if t.IsZero() {
		return ""
	}
	return t.Round(time.Millisecond).UTC().Format(time.RFC3339Nano)
}
