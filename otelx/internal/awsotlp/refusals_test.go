package awsotlp

import (
	"strings"
	"testing"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

const notAuthorized = "User: arn:aws:sts::123456789012:assumed-role/r/f is not authorized to perform: %s because no identity-based policy allows it"

func TestHints(t *testing.T) {
	for _, c := range []struct {
		signal        otelenv.Signal
		status        int
		message, want string
		retry         bool
	}{
		{otelenv.Traces, 400, "The OTLP API is supported with CloudWatch Logs as a Trace Segment Destination.", "Transaction Search", false},
		{otelenv.Traces, 403, strings.Replace(notAuthorized, "%s", "xray:PutTraceSegments", 1), "xray:PutTraceSegments, as the managed policy AWSXrayWriteOnlyAccess", false},
		{otelenv.Metrics, 403, strings.Replace(notAuthorized, "%s", "cloudwatch:PutMetricData", 1), "cloudwatch:PutMetricData, as the managed policy CloudWatchAgentServerPolicy", false},
		{otelenv.Logs, 403, strings.Replace(notAuthorized, "%s", "logs:PutLogEvents", 1), "logs:PutLogEvents, as the managed policy AWSLambdaBasicExecutionRole", false},
		{otelenv.Traces, 403, "Signature expired: 20261127T100000Z is now earlier than 20261127T105500Z (20261127T110000Z - 5 min.)", "clock", true},
		{otelenv.Logs, 403, "Signature not yet current: 20261127T120000Z is still later than 20261127T110500Z (20261127T110000Z + 5 min.)", "clock", true},
		{otelenv.Metrics, 403, "The security token included in the request is expired", "have expired", true},
		{otelenv.Traces, 403, "The security token included in the request is invalid.", "must be of one set", false},
		{otelenv.Traces, 403, "The request signature we calculated does not match the signature you provided.", "does not belong", false},
		{otelenv.Traces, 403, "Credential should be scoped to a valid region.", "the endpoint's region", false},
		{otelenv.Traces, 403, "Forbidden", "credentials are valid and allow xray:PutTraceSegments", false},
		{otelenv.Metrics, 401, "", "credentials are valid and allow cloudwatch:PutMetricData", false},
		{otelenv.Logs, 400, "Invalid request", "", false},
		{otelenv.Traces, 404, "", "", false},
	} {
		got, retry := serviceFor(c.signal).classify(c.status, c.message)
		if !strings.Contains(got, c.want) || c.want == "" && got != "" || retry != c.retry {
			t.Errorf("%d %s: %q, %v; want %q, %v", c.status, c.message, got, retry, c.want, c.retry)
		}
	}
}
