// Package tracelog puts the ids of the trace on log lines, so that from a line one gets to its trace and back.
//
//	slog.SetDefault(slog.New(tracelog.NewHandler(slog.NewJSONHandler(os.Stdout, nil))))
//	// ...
//	slog.InfoContext(ctx, "order saved", "order", id)
//
// A line that is logged with a context that holds a span gets trace_id, span_id and trace_flags, in lowercase hexadecimal: the
// names and the form that OpenTelemetry gives for logs that are not OTLP (OpenTelemetry specification, "Trace Context in
// non-OTLP Log Formats"). Whether the span is sampled is in trace_flags. A line without a context has none.
//
// In a Lambda function the handler around is this one, the one below aws-lambda-go's, which adds the request's id and obeys
// AWS_LAMBDA_LOG_FORMAT and AWS_LAMBDA_LOG_LEVEL:
//
//	slog.SetDefault(slog.New(tracelog.NewHandler(lambdacontext.NewLogHandler())))
//
// The log stays where it is. To send log records by OTLP as well there is OpenTelemetry's bridge,
// go.opentelemetry.io/contrib/bridges/otelslog, which takes the ids from the context itself.
package tracelog
