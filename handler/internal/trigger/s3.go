package trigger

import (
	"net/url"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// s3 is a bucket that sends notifications (Amazon S3 User Guide, "Event message structure").
var s3 = source{
	name:      "S3",
	types:     []string{"S3Event"},
	signature: []string{"Records"},
	is:        func(d *document) bool { return d.recordSource == "aws:s3" },
	read:      readS3,
}

func readS3(d *document, _ *Settings) Cause {
	var s store
	s.count = d.records.EachObject(maxMessages, []string{"eventName", "eventTime", "s3"}, func(r *event.Object) {
		entity := r.Get("s3").Select("bucket", "object")
		if s.seen == 0 {
			s.name = unescapeKey(entity.Get("object").Get("key").Text())
		}
		s.add(entity.Get("bucket").Get("name"), objectOperation(r.Get("eventName").Text()), r.Get("eventTime"))
	})
	bucket := s.collection.get()
	c := s.cause(bucket)
	c.addText(semconv.AWSS3BucketKey, bucket)
	if s.count == 1 {
		c.addText(semconv.AWSS3KeyKey, s.name)
	}
	return c
}

// unescapeKey undoes the encoding of an object's key, which is that of an HTML form.
func unescapeKey(key string) string {
	if name, err := url.QueryUnescape(key); err == nil {
		return name
	}
	return key
}

// objectOperation is the conventions' word for an event's type (Amazon S3 User Guide, "Supported event types"); the zero value
// for a type without a change.
func objectOperation(name string) attribute.KeyValue {
	kind, _, _ := strings.Cut(strings.TrimPrefix(name, "s3:"), ":")
	switch kind {
	case "ObjectCreated":
		return semconv.FaaSDocumentOperationInsert
	case "ObjectTagging", "ObjectAcl", "ObjectRestore", "LifecycleTransition", "IntelligentTiering":
		return semconv.FaaSDocumentOperationEdit
	case "ObjectRemoved", "LifecycleExpiration", "ReducedRedundancyLostObject":
		return semconv.FaaSDocumentOperationDelete
	}
	return attribute.KeyValue{}
}
