package trigger

import (
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// dynamoDB is a table whose changes come as a stream (Amazon DynamoDB Developer Guide, "DynamoDB Streams and AWS Lambda
// triggers"). Keys of items are data, and not recorded.
var dynamoDB = source{
	name:   "DynamoDB Streams",
	types:  []string{"DynamoDBEvent"},
	is:     func(d *document) bool { return d.recordSource == "aws:dynamodb" },
	read:   readDynamoDB,
	record: dynamoDBRecord,
}

var dynamoDBRecord = []string{"eventName", "eventSourceARN", "dynamodb"}

func readDynamoDB(d *document, _ *Settings) Cause {
	s := storeOf(d.records, func(r *event.Object) change {
		return change{
			collection: r.Get("eventSourceARN").Text(), operation: r.Get("eventName").Text(),
			at: r.Get("dynamodb").Get("ApproximateCreationDateTime"),
		}
	}, dynamoDBRecord...)
	// table/TABLE/stream/TIME
	table, _, _ := strings.Cut(strings.TrimPrefix(parseARN(s.collection.get()).resource, "table/"), "/")
	c := s.cause(table)
	if table != "" {
		c.add(semconv.AWSDynamoDBTableNames(table))
	}
	return c
}
