// Package tracelog adds trace IDs to log lines, so that a line leads to its trace.
//
//	slog.SetDefault(slog.New(tracelog.NewHandler(slog.NewJSONHandler(os.Stdout, nil))))
//	// ...
//	slog.InfoContext(ctx, "order saved", "order", id)
//
// A line logged with a context that holds a span gets trace_id, span_id and trace_flags in lowercase hexadecimal (OpenTelemetry
// specification, "Trace Context in non-OTLP Log Formats"). trace_flags says whether the span is sampled. Other lines do not change.
//
// In a Lambda function this handler wraps aws-lambda-go's, which adds the request ID and honors AWS_LAMBDA_LOG_FORMAT and
// AWS_LAMBDA_LOG_LEVEL:
//
//	slog.SetDefault(slog.New(tracelog.NewHandler(lambdacontext.NewLogHandler())))
//
// The package does not send logs. OpenTelemetry's bridge go.opentelemetry.io/contrib/bridges/otelslog sends log records by OTLP and
// takes the IDs from the context itself.
package tracelog
