package trigger

import (
	"net/url"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// store gathers what the records of a data store's event say (OpenTelemetry FaaS conventions, "Datasource").
type store struct {
	count, seen  int
	collection   shared
	operation    shared
	name, moment string // of the first
	event, word  string // of the last, and what the conventions call it
}

// add takes over a record's type of event, which word translates.
func (s *store) add(event *value, word func(string) string) {
	if s.seen == 0 || !event.is(s.event) {
		s.event = event.text()
		s.word = word(s.event)
	}
	s.operation.add(s.seen, s.word)
}

// cause sets what goes for all records, and the name and the time where there is one record.
func (s *store) cause(c *Cause, collection string) {
	c.Kind = trace.SpanKindServer
	c.Attributes = append(make([]attribute.KeyValue, 0, 8+Spare), semconv.FaaSTriggerDatasource)
	if collection != "" {
		c.add(semconv.FaaSDocumentCollection(collection))
	}
	if operation := s.operation.get(); operation != "" {
		c.add(semconv.FaaSDocumentOperationKey.String(operation))
	}
	if s.count != 1 {
		return
	}
	if s.name != "" {
		c.add(semconv.FaaSDocumentName(s.name))
	}
	if s.moment != "" {
		c.add(semconv.FaaSDocumentTime(s.moment))
	}
}

// readS3 reads the notifications of a bucket (Amazon S3 User Guide, "Event message structure").
func (c *Cause) readS3(records value) {
	var s store
	var name, at, bucketName, key value
	s.count = records.records(maxMessages, func() {
		s.collection.addValue(s.seen, &bucketName)
		s.add(&name, objectOperation)
		if s.seen == 0 {
			s.name, s.moment = unescapeKey(key.text()), at.moment()
		}
		s.seen++
	},
		field{name: "eventName", into: &name}, field{name: "eventTime", into: &at},
		field{name: "s3", fields: []field{
			{name: "bucket", fields: []field{{name: "name", into: &bucketName}}},
			{name: "object", fields: []field{{name: "key", into: &key}}},
		}})
	bucket := s.collection.get()
	s.cause(c, bucket)
	if bucket != "" {
		c.add(semconv.AWSS3Bucket(bucket))
	}
	if s.count == 1 && s.name != "" {
		c.add(semconv.AWSS3Key(s.name))
	}
}

// unescapeKey undoes the encoding of an object's key, which is that of an HTML form.
func unescapeKey(key string) string {
	if name, err := url.QueryUnescape(key); err == nil {
		return name
	}
	return key
}

// objectOperation is the conventions' word for an S3 event's type (Amazon S3 User Guide, "Supported event types"); empty
// for those that tell of no change.
func objectOperation(event string) string {
	kind, _, _ := strings.Cut(strings.TrimPrefix(event, "s3:"), ":")
	switch kind {
	case "ObjectCreated":
		return semconv.FaaSDocumentOperationInsert.Value.AsString()
	case "ObjectTagging", "ObjectAcl", "ObjectRestore", "LifecycleTransition", "IntelligentTiering":
		return semconv.FaaSDocumentOperationEdit.Value.AsString()
	case "ObjectRemoved", "LifecycleExpiration", "ReducedRedundancyLostObject":
		return semconv.FaaSDocumentOperationDelete.Value.AsString()
	}
	return ""
}

// readDynamoDB reads the changes of a table (Amazon DynamoDB Developer Guide, "DynamoDB Streams and AWS Lambda triggers").
// The items' keys are data, and not recorded.
func (c *Cause) readDynamoDB(records value) {
	var s store
	var name, at, arn value
	s.count = records.records(maxMessages, func() {
		s.collection.addValue(s.seen, &arn)
		s.add(&name, itemOperation)
		if s.seen == 0 {
			s.moment = at.moment()
		}
		s.seen++
	},
		field{name: "eventName", into: &name}, field{name: "eventSourceARN", into: &arn},
		field{name: "dynamodb", fields: []field{{name: "ApproximateCreationDateTime", into: &at}}})
	// table/TABLE/stream/TIME
	table, _, _ := strings.Cut(strings.TrimPrefix(arnResource(s.collection.get()), "table/"), "/")
	s.cause(c, table)
	if table != "" {
		c.add(semconv.AWSDynamoDBTableNames(table))
	}
}

// itemOperation is the conventions' word for what has happened to an item.
func itemOperation(event string) string {
	switch event {
	case "INSERT":
		return semconv.FaaSDocumentOperationInsert.Value.AsString()
	case "MODIFY":
		return semconv.FaaSDocumentOperationEdit.Value.AsString()
	case "REMOVE":
		return semconv.FaaSDocumentOperationDelete.Value.AsString()
	}
	return ""
}
