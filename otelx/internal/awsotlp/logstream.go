package awsotlp

import (
	"fmt"
	"maps"
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

// complete takes group and stream from the headers of x, and adds those that are missing.
func (l *logStream) complete(x *config.Export) error {
	if given := header(x.Headers, groupHeader); given != "" {
		l.group = given
	}
	if given := header(x.Headers, streamHeader); given != "" {
		l.stream = given
	}
	if l.group == "" || l.stream == "" {
		return fmt.Errorf("endpoint %s: no log group and stream are known, and nothing is sent (set %s and %s in %s)",
			otelenv.WithoutSecrets(x.Endpoint), groupHeader, streamHeader, otelenv.Logs.Keys("HEADERS")[0])
	}
	x.Headers = maps.Clone(x.Headers)
	maps.DeleteFunc(x.Headers, func(name, _ string) bool {
		return strings.EqualFold(name, groupHeader) || strings.EqualFold(name, streamHeader)
	})
	if x.Headers == nil {
		x.Headers = map[string]string{}
	}
	x.Headers[groupHeader], x.Headers[streamHeader] = l.group, l.stream
	return nil
}

// header returns the value of a header, whose name may be written in any case.
func header(headers map[string]string, name string) string {
	for key, value := range headers {
		if strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
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
	case time.Now().Before(l.createdBy):
		return "", true
	}
	command := func(name, arguments string) string {
		return fmt.Sprintf("aws logs %s --region %s --log-group-name %s%s", name, l.region, quoted(l.group), arguments)
	}
	return "CloudWatch Logs creates neither group nor stream for this endpoint: " + command("create-log-group", "") + " and " +
		command("create-log-stream", " --log-stream-name "+quoted(l.stream)), false
}

// quoted quotes a word for a POSIX shell.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
