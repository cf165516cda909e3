// Package loglines writes log records as JSON lines on standard output, from which Lambda carries them to CloudWatch
// Logs.
//
// A line has the members timestamp (RFC 3339), level, message, requestId, trace_id and span_id, those that are known,
// and then the attributes. The names are those of Lambda's own JSON log format, so that its level filter works, and of
// package tracelog. The form does not depend on AWS_LAMBDA_LOG_FORMAT.
//
// Lines are not queued: a record that is emitted right before the process is killed is in the log.
package loglines
