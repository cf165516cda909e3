package awsotlp

import (
	"fmt"
	"net/http"
	"strings"
)

// refusals that OTLP counts as final, by words of the service's message in lower case. The first match counts. Sources: Amazon
// CloudWatch User Guide, "Troubleshooting" of the OTLP endpoints; AWS API references, "Common Error Types"; for signatures,
// IAM User Guide, "Troubleshoot Signature Version 4 signing".
//
// Another attempt may succeed (retry) because each attempt is signed anew: the signature of a request that was under way in a
// freeze has expired, and credentials are renewed.
var refusals = []struct {
	words, hint string
	retry       bool
}{
	{
		"trace segment destination",
		"switch on CloudWatch Transaction Search in this account and region, without which X-Ray takes no OTLP: in the CloudWatch console " +
			"under Settings, X-Ray traces, or by aws xray update-trace-segment-destination --destination CloudWatchLogs", false,
	},
	{
		"signature expired",
		"the clock of this machine is wrong, or the request was under way in a freeze: a signature counts for minutes only", true,
	},
	{
		"signature not yet current",
		"the clock of this machine is wrong: set it, for a signature counts for minutes only", true,
	},
	{
		"token included in the request is expired",
		"the credentials have expired: renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or for spans give " +
			"xray.WithCredentials a provider that does", true,
	},
	{
		"token included in the request is invalid",
		"AWS does not know the credentials: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN must be of one set, and of the endpoint's partition", false,
	},
	{
		"signature we calculated does not match",
		"AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID, or something on the way changes requests", false,
	},
	{
		"scoped to a valid region",
		"the endpoint's region is not the one that answers: write the region's own endpoint", false,
	},
}

// classify returns a hint for the user about a refusal, empty if nothing is known, and whether another attempt may succeed.
func (s *service) classify(status int, message string) (hint string, retry bool) {
	message = strings.ToLower(message)
	if strings.Contains(message, "not authorized to perform") {
		return fmt.Sprintf("allow the role %s, as the managed policy %s does", s.action, s.policy), false
	}
	for _, r := range refusals {
		if strings.Contains(message, r.words) {
			return r.hint, r.retry
		}
	}
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return "see that the credentials are valid and allow " + s.action + ", and that the clock is right", false
	}
	return "", false
}
