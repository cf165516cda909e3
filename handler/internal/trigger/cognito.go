package trigger

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// cognito is a user pool's trigger, or Cognito Sync. The user is not recorded.
var cognito = source{
	name:  "Cognito",
	types: []string{"CognitoEvent", "CognitoEventUserPoolsHeader"},
	is: func(d *document) bool {
		return d.Get("triggerSource").Present() && d.Get("userPoolId").Present() ||
			d.Get("datasetName").Present() && d.Get("identityPoolId").Present()
	},
	read: readCognito,
}

// cognitoSource is an attribute of ours: the conventions have none for Cognito (FaaS conventions, "Other").
const cognitoSource = attribute.Key("epilogue.cognito.trigger_source")

func readCognito(d *document, _ *Settings) Cause {
	c := newServerCause(semconv.FaaSTriggerOther)
	c.addText(cognitoSource, d.Get("triggerSource").Text())
	return c
}
