package awsotlp

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestMissing: a missing group or stream is told from other refusals, in each form of the answer, and for a minute it is retried.
func TestMissing(t *testing.T) {
	for message, missing := range map[string]bool{
		"The specified log group does not exist.":                                                        true,
		"the specified log stream does not exist":                                                        true,
		`{"__type":"com.amazonaws.logs#ResourceNotFoundException","message":"The specified log…"}`:       true,
		"User: arn:aws:sts::1:x is not authorized to perform: logs:PutLogEvents":                         false,
		"The security token included in the request is invalid.":                                         false,
		"Log events in a single PutLogEvents request must be in chronological order, and the log exists": false,
		"": false,
	} {
		synctest.Test(t, func(t *testing.T) {
			l := &logStream{region: "eu-west-1", group: "/aws/lambda/it's", stream: "$LATEST", createdBy: time.Now().Add(creationTime)}
			if hint, retry := l.classify(400, message); retry != missing || missing && hint != "" {
				t.Errorf("%q: %q, %v", message, hint, retry)
			}
			time.Sleep(creationTime)
			const commands = `aws logs create-log-group --region eu-west-1 --log-group-name '/aws/lambda/it'\''s' and ` +
				`aws logs create-log-stream --region eu-west-1 --log-group-name '/aws/lambda/it'\''s' --log-stream-name '$LATEST'`
			if hint, retry := l.classify(400, message); retry || strings.HasSuffix(hint, commands) != missing {
				t.Errorf("%q after a minute: %q, %v", message, hint, retry)
			}
		})
	}
}
