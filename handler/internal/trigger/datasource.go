package trigger

import (
	"net/url"
	"strings"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// change describes one record of a data store.
type change struct {
	collection, operation, name string      // the operation in the store's own words
	at                          event.Value // a time
}

// changes gathers what the records of a data store's event tell (OpenTelemetry FaaS conventions, "Datasource").
type changes struct {
	count                       int
	collection, operation, name common
	at                          event.Value // of the last record
}

func changesOf(d *document, read func(record *event.Object) change) *changes {
	s := &changes{}
	s.count = d.eachRecord(func(_ string, record *event.Object) {
		c := read(record)
		s.collection.add(c.collection)
		s.operation.add(operationOf(c.operation))
		s.name.add(c.name)
		s.at = c.at
	})
	return s
}

// cause returns the attributes that all records share, and the name and the time of a single one.
func (s *changes) cause(collection string) Cause {
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

// readDynamoDB reads changes of a table (Amazon DynamoDB Developer Guide, "DynamoDB Streams and AWS Lambda triggers").
// Keys of items are data, and not recorded.
func readDynamoDB(d *document, _ *Settings) Cause {
	s := changesOf(d, func(r *event.Object) change {
		return change{
			collection: r.Get("eventSourceARN").Text(), operation: r.Get("eventName").Text(),
			at: r.Get("dynamodb").Get("ApproximateCreationDateTime"),
		}
	})
	// table/TABLE/stream/TIME
	table, _, _ := strings.Cut(strings.TrimPrefix(parseARN(s.collection.get()).resource, "table/"), "/")
	c := s.cause(table)
	if table != "" {
		c.add(semconv.AWSDynamoDBTableNames(table))
	}
	return c
}

// readDocumentDB reads a change stream (AWS Lambda Developer Guide, "Using Lambda with Amazon DocumentDB"). The
// conventions call a database the collection, and a collection the document's name (FaaS conventions,
// faas.document.name). Keys and contents of documents are not recorded.
func readDocumentDB(d *document, _ *Settings) Cause {
	s := changesOf(d, func(r *event.Object) change {
		e := r.Get("event").Select("ns", "operationType", "clusterTime")
		return change{
			collection: e.Get("ns").Get("db").Text(), operation: e.Get("operationType").Text(), name: e.Get("ns").Get("coll").Text(),
			at: e.Get("clusterTime").Get("$timestamp").Get("t"),
		}
	})
	return s.cause(s.collection.get())
}

// readS3 reads notifications of a bucket (Amazon S3 User Guide, "Event message structure").
func readS3(d *document, _ *Settings) Cause {
	s := changesOf(d, func(r *event.Object) change {
		operation, _, _ := strings.Cut(strings.TrimPrefix(r.Get("eventName").Text(), "s3:"), ":")
		entity := r.Get("s3").Select("bucket", "object")
		key := entity.Get("object").Get("key").Text()
		if name, err := url.QueryUnescape(key); err == nil { // a key has the encoding of an HTML form
			key = name
		}
		return change{collection: entity.Get("bucket").Get("name").Text(), operation: operation, name: key, at: r.Get("eventTime")}
	})
	bucket := s.collection.get()
	c := s.cause(bucket)
	c.addText(semconv.AWSS3BucketKey, bucket)
	if s.count == 1 {
		c.addText(semconv.AWSS3KeyKey, s.name.get())
	}
	return c
}
