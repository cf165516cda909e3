package trigger

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// dynamoDB is a table whose changes come as a stream (Amazon DynamoDB Developer Guide, "DynamoDB Streams and AWS Lambda
// triggers"). Keys of items are data, and not recorded.
var dynamoDB = source{
	name:      "DynamoDB Streams",
	types:     []string{"DynamoDBEvent"},
	signature: []string{"Records"},
	is:        func(d *document) bool { return d.recordSource == "aws:dynamodb" },
	read:      readDynamoDB,
}

func readDynamoDB(d *document, _ *Settings) Cause {
	var s store
	s.count = d.records.EachObject(maxMessages, []string{"eventName", "eventSourceARN", "dynamodb"}, func(r *event.Object) {
		at := event.Value{}
		if s.seen == 0 {
			at = r.Get("dynamodb").Get("ApproximateCreationDateTime")
		}
		s.add(r.Get("eventSourceARN"), itemOperation(r.Get("eventName").Text()), at)
	})
	// table/TABLE/stream/TIME
	table, _, _ := strings.Cut(strings.TrimPrefix(parseARN(s.collection.get()).resource, "table/"), "/")
	c := s.cause(table)
	if table != "" {
		c.add(semconv.AWSDynamoDBTableNames(table))
	}
	return c
}

// itemOperation is the conventions' word for what has happened to an item.
func itemOperation(name string) attribute.KeyValue {
	switch name {
	case "INSERT":
		return semconv.FaaSDocumentOperationInsert
	case "MODIFY":
		return semconv.FaaSDocumentOperationEdit
	case "REMOVE":
		return semconv.FaaSDocumentOperationDelete
	}
	return attribute.KeyValue{}
}
