package trigger

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// other is any other caller. The conventions require a trigger of every server span.
var other = source{
	name: "other",
	read: func(*document, *Settings) Cause { return newServerCause(semconv.FaaSTriggerOther) },
}
