package trigger

import (
	"net/url"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// s3 is a bucket that sends notifications (Amazon S3 User Guide, "Event message structure").
var s3 = source{
	name:   "S3",
	types:  []string{"S3Event"},
	is:     func(d *document) bool { return d.recordSource == "aws:s3" },
	read:   readS3,
	record: s3Record,
}

var s3Record = []string{"eventName", "eventTime", "s3"}

func readS3(d *document, _ *Settings) Cause {
	s := storeOf(d.records, func(r *event.Object) change {
		operation, _, _ := strings.Cut(strings.TrimPrefix(r.Get("eventName").Text(), "s3:"), ":")
		entity := r.Get("s3").Select("bucket", "object")
		key := entity.Get("object").Get("key").Text()
		if name, err := url.QueryUnescape(key); err == nil { // a key has the encoding of an HTML form
			key = name
		}
		return change{collection: entity.Get("bucket").Get("name").Text(), operation: operation, name: key, at: r.Get("eventTime")}
	}, s3Record...)
	bucket := s.collection.get()
	c := s.cause(bucket)
	c.addText(semconv.AWSS3BucketKey, bucket)
	if s.count == 1 {
		c.addText(semconv.AWSS3KeyKey, s.name.get())
	}
	return c
}
