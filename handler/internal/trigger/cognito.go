package trigger

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// cognitoSource is an attribute of ours: the conventions have none for Cognito, and leave it to the instrumentation to
// describe what is no other trigger (FaaS conventions, "Other").
const cognitoSource = attribute.Key("epilogue.cognito.trigger_source")

// readCognito reads the event of a user pool's trigger, or of Cognito Sync. Who the user is stays out of it.
func (c *Cause) readCognito(d *document) {
	c.Kind = trace.SpanKindServer
	c.Attributes = append(make([]attribute.KeyValue, 0, 2+Spare), semconv.FaaSTriggerOther)
	c.addText(cognitoSource, d.triggerSource.text())
}
