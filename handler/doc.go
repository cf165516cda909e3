// Package handler instruments an AWS Lambda handler: a span for each invocation, with the parent that the event or the
// platform names, and the calls of a [Tracker] that let telemetry leave after the response.
//
//	func main() {
//		ctx := context.Background()
//		tel, err := otelx.New(ctx, awslambda.Defaults())
//		if err != nil {
//			slog.Error("telemetry", "error", err) // tel is usable all the same
//		}
//		ag := agent.Start(ctx, tel)
//		lambda.Start(handler.Wrap(handle, handler.WithTracker(ag)))
//	}
//
// handle is any handler that aws-lambda-go accepts. The Runtime API receives the same with and without [Wrap]. For an
// http.Handler under lambdaurl or aws-lambda-go-api-proxy there is [HTTP]. [Message] starts a span for one message of a
// batch.
//
// The package uses the OpenTelemetry API only: any SDK or none can be behind it, and any Tracker or none.
//
// # The span
//
// The event identifies the source of the invocation, such as an HTTP API, SQS or a schedule. The span's name, kind and
// attributes follow OpenTelemetry's conventions for FaaS, AWS Lambda, HTTP and messaging; docs/triggers.md has the
// table. For event types of your own there are [WithRawEvent] and [WithTrigger]. Headers and query values are recorded
// only by option, and no part of a body is.
//
// The span starts before the function is called. It ends when the function has returned and its result is encoded, or
// with the stream if the result is an io.Reader. An error, a panic, runtime.Goexit and a broken stream set status Error
// and add an exception event; a 5xx status of an HTTP event's result sets status Error. With
// OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN=logs exceptions are log records of the global logger provider, with logs/dup
// both. Without a logger provider the events stay.
//
// A message or type of more than 4 KiB and a stack trace of more than 16 KiB are cut. They then end with "… (cut, N
// bytes)", where N is the size of the whole text. OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT, or else
// OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, counts if it is smaller, also for the status and for exception events.
//
// http.response.body.size is the size of an HTTP response's body, epilogue.response.size that of any other response.
// faas.coldstart is true if the caller waited for the environment's initialization, which a span "init" shows; see
// docs/cold-starts.md and [WithoutInitSpan].
//
// # The parent
//
// A span context in a request's headers is the parent. One in a message is a link, or the parent with
// [WithMessageParent]. Otherwise Lambda's X-Ray header gives the parent if it says Sampled=1, and a link if it does
// not. docs/propagation.md has a row for each source, format and option.
//
// # The Tracker
//
// The Tracker's End follows the post of the outcome, and does not say that the post was accepted. So the handler
// flushes before it returns if a flush after End could come too late. In every other case the response waits for
// nothing. docs/design.md has the calls of each ending.
//
// # Faults and cost
//
// A propagator, sampler, span processor or Tracker that panics costs the invocation's span, never the invocation. The
// first such panic goes to otel.Handle. An error's methods Unwrap and ErrorType, which only telemetry calls, have 100
// ms. Apart from the span, Wrap costs 2 µs and 20 allocations an invocation, and an HTTP event 3 µs and 10 allocations
// more.
package handler
