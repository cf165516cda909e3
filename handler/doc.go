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
// handle is anything aws-lambda-go accepts, and what the Runtime API receives is the same with and without [Wrap].
// The package speaks the OpenTelemetry API only: any SDK can be behind it, or none, and any [Tracker], or none.
//
// # The span
//
// It is named after the function, or "METHOD /route" for the HTTP events of the events package (HTTP API, REST API,
// load balancer, function URL), which the event's type tells. Its kind is server, for SQS events consumer. It carries
// the attributes of OpenTelemetry's conventions for FaaS, AWS Lambda and HTTP. The function's context holds it.
//
// It starts before the function is called and ends when the function has returned and its result is encoded; that of
// a streamed response (a result that is an io.Reader) ends with the stream. An error, a panic, runtime.Goexit and a
// stream that breaks set the status Error and add an exception event; so does a 5xx status code of an HTTP event's
// result, without the event.
//
// A payload that does not decode never reaches this package: aws-lambda-go reports it without calling the function.
//
// # The parent
//
//	event and header                              parent               link
//	HTTP event whose headers hold a span context  that one             -
//	X-Ray header with Parent and Sampled=1        the header's Parent  -
//	X-Ray header with Parent, Sampled=0 or none   -                    the header's Parent
//	anything else                                 -                    -
//
// Headers of HTTP events are read by the propagators, see [WithPropagators]. The X-Ray header is aws-lambda-go's, from
// the context, or from _X_AMZN_TRACE_ID where only one invocation runs at a time. An unsampled header is a link
// because Lambda, where its X-Ray mode is PassThrough, sends Sampled=0 though nobody decided against the trace.
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
// An HTTP event costs some microseconds and under thirty allocations more than without Wrap, the SDK's included; see
// BenchmarkInvocation. The payload is decoded once, by aws-lambda-go, and the result encoded once, here.
package handler
