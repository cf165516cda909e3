// Package handler instruments an AWS Lambda handler: a span for each invocation, with the parent that the event or
// the platform names, and the signals that let telemetry leave after the response.
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
// handle is anything aws-lambda-go accepts, and what the Runtime API receives is the same with and without [Wrap]. An
// http.Handler goes behind a function URL by way of aws-lambda-go's lambdaurl, whose Wrap stands inside; lambdaurl.Start
// would leave no place for this one:
//
//	lambda.Start(handler.Wrap(lambdaurl.Wrap(h), handler.WithTracker(ag)))
//
// The package speaks the OpenTelemetry API only: any SDK can be behind it, or none, and any [Tracker], or none.
//
// # The span
//
// The event tells what has invoked the function: a REST, HTTP or WebSocket API, a load balancer, a function URL, SQS, SNS,
// EventBridge, a schedule, Kinesis, Kafka, DynamoDB Streams, S3, Step Functions, Cognito, or another caller. The span's
// name ("GET /orders/{id}", "process orders", else the function's), its kind and its attributes follow OpenTelemetry's
// conventions for FaaS, AWS Lambda, HTTP and messaging; docs/triggers.md has the table. Types of the events package tell by
// themselves, maps and JSON text by their members, a type of the program's own with [WithRawEvent] or [WithTrigger].
// Headers and the values in a query are recorded only where [WithCapturedRequestHeaders], [WithCapturedResponseHeaders]
// and [WithQueryValues] ask for them. The function's context holds the span.
//
// It starts before the function is called and ends when the function has returned and its result is encoded; that of
// a streamed response (a result that is an io.Reader) ends with the stream. An error, a panic, runtime.Goexit and a
// stream that breaks set the status Error and add an exception event; so does a 5xx status code of an HTTP event's
// result, without the event.
//
// It says how large the response is: http.response.body.size for the body of an HTTP event's response,
// epilogue.response.size, the bytes for the Runtime API, for any other. A streamed one is counted as it passes, as far as it was
// read. The content type application/vnd.awslambda.http-integration-response, that of lambdaurl.Wrap and of
// events.LambdaFunctionURLStreamingResponse, makes a response an HTTP one: its prelude gives http.response.status_code and does not
// count as body. Nothing of the body is kept.
//
// A payload that does not decode never reaches this package, but with WithRawEvent: aws-lambda-go reports it without
// calling the function.
//
// # Cold starts
//
// faas.coldstart is true on the span of an environment's first invocation where somebody waited for the initialisation.
// Where nobody did it is false. epilogue.initialization_type on that span says which: it is the platform's word, but for
// proactive, and absent where the platform has none.
//
//	epilogue.initialization_type   the environment was made                          faas.coldstart
//	on-demand                      for this invocation                               true
//	proactive                      on demand, but more than 10 s before anyone came  false
//	provisioned-concurrency        when it was configured                            false
//	lambda-managed-instances       when load asked for it                            false
//
// The 10 s are the longest that Lambda gives the whole initialisation on demand, other extensions' included: who comes later
// has not waited for it. (AWS Lambda Developer Guide, "Lambda execution environment lifecycle". Neither AWS nor
// OpenTelemetry has an attribute for it.)
//
// The same is on the span "init", which lasts from the begin of the process to the call of Wrap, the last moment that can be
// seen before lambda.Start asks for the first invocation. So initialise first, and call Wrap in the call of lambda.Start.
// It is a child of the first invocation's span, though it lies before that: it is in the same trace where the invocation is
// a root as well, a parent-based sampler decides for both, and it has ended before the function is called, so that it
// leaves with the first flush. Of an environment that was made ahead it may lie hours before the rest of the trace. It is made only
// where the invocation is sampled and AWS_LAMBDA_RUNTIME_API is set. Jaeger remarks on a child that begins before its parent,
// as if a clock were wrong. [WithoutInitSpan] leaves the span out.
//
// # The parent
//
//	event and header                                parent               link
//	request whose headers hold a span context       that one             -
//	message that holds one                          -                    that one, for each message
//	X-Ray header with Parent and Sampled=1          the header's Parent  -
//	X-Ray header with Parent, Sampled=0 or none     -                    the header's Parent
//	anything else                                   -                    -
//
// Headers and message attributes are read by the propagators, see [WithPropagators]. The X-Ray header is aws-lambda-go's,
// from the context, or from _X_AMZN_TRACE_ID where only one invocation runs at a time; it counts where the request gives
// no parent. An unsampled header is a link because Lambda, where its X-Ray mode is PassThrough, sends Sampled=0 though
// nobody decided against the trace. [WithUnsampledParent], [WithXRaySampling] and [WithMessageParent] say otherwise.
//
// docs/propagation.md has a row for each source, place, format and option.
//
// # The signals
//
// The [Tracker] learns that an invocation is over when its outcome has been posted. For results that is the Close of
// the response reader, which aws-lambda-go calls right after the post; for errors, panics and lambda.Handlers it is
// the cancellation of the invocation's context. Neither says that the post was accepted, and after a refused one
// aws-lambda-go ends the process at once. So the flush is waited for
//
//   - in Close, where the body was not read to its end, where more than 6 MB of it were read, and where the deadline
//     has passed;
//   - before an error or a lambda.Handler's bytes are returned, where nothing holds the environment after the post
//     (see [Tracker]), where the context is over already, and for bytes above 6 MB;
//   - always, when the function panics: that is recorded, the spans it left open are ended, all is flushed, then the
//     panic goes on.
//
// After a panic, a response that was surely refused, and an error that aws-lambda-go can not report, the process ends.
// The Tracker is told so, and may write what the flush could not send to where it outlasts the process.
//
// On Lambda Managed Instances the process that ends has other invocations in hand. aws-lambda-go lets them finish, so from then
// on each of them flushes as well, in Close or before its error is returned; so do those in hand at a response that may
// have been refused, and those that begin within a second of it.
//
// Everywhere else nothing is sent before the response was posted, and the response waits for nothing.
//
// # Faults of the telemetry
//
// A propagator, sampler, span processor or Tracker that panics costs the invocation's span or what it tells, never the
// invocation: the function is called, and its result or its own panic goes on as it would. The first such panic of a
// wrapped handler goes to otel.Handle.
//
// # The cost
//
// Beside the span, Wrap costs an invocation one and a half microseconds and 10 allocations, and to read what an HTTP event tells
// takes three microseconds and 8 allocations more (BenchmarkOwnCost, BenchmarkInvocation with the SDK). The payload is
// decoded once, by aws-lambda-go (with [WithRawEvent] here), and the result encoded once, here.
package handler
