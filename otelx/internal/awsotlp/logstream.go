package awsotlp

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

const (
	groupHeader  = "x-aws-log-group"
	streamHeader = "x-aws-log-stream"

	// creationTime is how long a log group or stream may be missing. Lambda creates those of a function at a time that is not
	// documented.
	creationTime = time.Minute
)

// logStream is where CloudWatch Logs puts log records: an existing stream of an existing group.
type logStream struct {
	region        string
	group, stream string
	createdBy     time.Time // until then a missing one is expected to come into being
}

// complete takes group and stream from the headers of x, whose names may be written in any case, and adds those that are missing.
func (l *logStream) complete(x *config.Export) error {
	headers := map[string]string{}
	for name, value := range x.Headers {
		switch {
		case strings.EqualFold(name, groupHeader):
			l.group = cmp.Or(value, l.group)
		case strings.EqualFold(name, streamHeader):
			l.stream = cmp.Or(value, l.stream)
		default:
			headers[name] = value
		}
	}
	if l.group == "" || l.stream == "" {
		return fmt.Errorf("endpoint %s: no log group and stream are known, and nothing is sent (set %s and %s in %s)",
			otelenv.WithoutSecrets(x.Endpoint), groupHeader, streamHeader, otelenv.Logs.Keys("HEADERS")[0])
	}
	headers[groupHeader], headers[streamHeader] = l.group, l.stream
	x.Headers = headers
	return nil
}

// isMissing reports whether a message says that the group or the stream does not exist (Amazon CloudWatch Logs API Reference,
// "PutLogEvents", ResourceNotFoundException).
func isMissing(message string) bool {
	message = strings.ToLower(message)
	return strings.Contains(message, "log group does not exist") || strings.Contains(message, "log stream does not exist") ||
		strings.Contains(message, "resourcenotfoundexception")
}

// classify is that of the service, but expects a missing group or stream to come into being. After that it returns the commands
// that create both.
func (l *logStream) classify(status int, message string) (hint string, retry bool) {
	switch {
	case !isMissing(message):
		return serviceFor(otelenv.Logs).classify(status, message)
	case time.Now().Round(0).Before(l.createdBy): // the wall clock counts a freeze
		return "", true
	}
	return fmt.Sprintf("CloudWatch Logs creates neither group nor stream for this endpoint: "+
		"aws logs create-log-group --region %[1]s --log-group-name %[2]s and "+
		"aws logs create-log-stream --region %[1]s --log-group-name %[2]s --log-stream-name %[3]s",
		l.region, quoted(l.group), quoted(l.stream)), false
}

// quoted quotes a word for a POSIX shell.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
