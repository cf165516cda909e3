package trigger

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// store gathers what the records of a data store's event tell (OpenTelemetry FaaS conventions, "Datasource").
type store struct {
	count, seen  int
	collection   common
	operation    attribute.KeyValue // the same for all records; the zero value if they have different ones
	name, moment string             // of the first record
}

// add adds a record.
func (s *store) add(collection event.Value, operation attribute.KeyValue, at event.Value) {
	s.collection.add(collection)
	if s.seen == 0 {
		s.operation, s.moment = operation, moment(at)
	} else if operation != s.operation {
		s.operation = attribute.KeyValue{}
	}
	s.seen++
}

// cause returns what is true of all records, and the name and the time of a single one.
func (s *store) cause(collection string) Cause {
	c := newServerCause(semconv.FaaSTriggerDatasource)
	c.addText(semconv.FaaSDocumentCollectionKey, collection)
	if s.operation.Valid() {
		c.add(s.operation)
	}
	if s.count == 1 {
		c.addText(semconv.FaaSDocumentNameKey, s.name)
		c.addText(semconv.FaaSDocumentTimeKey, s.moment)
	}
	return c
}

// moment returns a time as the conventions want it: ISO 8601 in UTC, to the millisecond. It is empty for the zero time.
func moment(v event.Value) string {
	t := v.Time()
	if t.IsZero() {
		return ""
	}
	return t.Round(time.Millisecond).UTC().Format(time.RFC3339Nano)
}
