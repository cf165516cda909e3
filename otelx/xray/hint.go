package xray

import (
	"net/http"
	"strings"
)

// hints are what to do about refusals for good, by words of X-Ray's that tell them apart, in lower case (Amazon CloudWatch
// User Guide, "Troubleshooting" of the OTLP endpoints; AWS API references, "Common Error Types"; of signatures, IAM User
// Guide, "Troubleshoot Signature Version 4 signing"). The first that is found counts.
var hints = []struct{ words, todo string }{
	{
		"trace segment destination",
		"switch on CloudWatch Transaction Search in this account and region, without which X-Ray takes no OTLP: in the CloudWatch console " +
			"under Settings, X-Ray traces, or by aws xray update-trace-segment-destination --destination CloudWatchLogs",
	},
	{
		"not authorized to perform",
		"allow the role xray:PutTraceSegments, as the managed policy AWSXrayWriteOnlyAccess does",
	},
	{
		"signature expired",
		"the clock of this machine is wrong: set it, for a signature counts for minutes only",
	},
	{
		"signature not yet current",
		"the clock of this machine is wrong: set it, for a signature counts for minutes only",
	},
	{
		"token included in the request is expired",
		"the credentials have expired: renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or give xray.WithCredentials a provider that does",
	},
	{
		"token included in the request is invalid",
		"AWS does not know the credentials: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN must be of one set, and of the endpoint's partition",
	},
	{
		"signature we calculated does not match",
		"AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID, or something on the way changes requests",
	},
	{
		"scoped to a valid region",
		"the endpoint's region is not the one that answers: write the region's own endpoint",
	},
}

// hint returns what the user can do about a refusal for good; empty if nothing is known.
func hint(status int, message string) string {
	message = strings.ToLower(message)
	for _, h := range hints {
		if strings.Contains(message, h.words) {
			return h.todo
		}
	}
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return "see that the credentials are valid and allow xray:PutTraceSegments, and that the clock is right"
	}
	return ""
}
