// Package otelx sets OpenTelemetry tracing up for a process: resource, sampler, propagators, a span buffer made for
// processes that may be frozen, and an OTLP exporter. It knows nothing of AWS Lambda and serves any Go program.
//
// # Start
//
//	tel, err := otelx.New(ctx)
//	if err != nil {
//		slog.Error("telemetry", "error", err)
//	}
//	defer func() {
//		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
//		defer cancel()
//		if err := tel.Shutdown(ctx); err != nil {
//			slog.Error("telemetry", "error", err)
//		}
//	}()
//
// [New] reads the environment variables of the OpenTelemetry specification and makes its provider and propagator the
// global ones, so that instrumentation needs nothing else. It always returns an [SDK] that works: what is wrong with a
// setting is in the error, in words that say what to write, and that setting has its default. A function adds
// otelx/awslambda.Defaults().
//
// # What happens to a span
//
//	buffer  →  encoder  →  sender
//
// When a sampled span ends, its snapshot goes into a bounded buffer, and nothing else happens on that path. Spans leave
//
//   - when somebody calls [SDK.ForceFlush] or [SDK.Shutdown];
//   - by a timer, OTEL_BSP_SCHEDULE_DELAY after the first span in an empty buffer, unless [SDK.SetBackgroundExport]
//     has switched that off, as the agent does where the process may be frozen;
//   - in the background when the buffer is half full, or, once [SDK.Hasten] has been called, a batch.
//
// Between exports no goroutine exists and no timer runs but that one.
//
// An export sends batches of OTEL_BSP_MAX_EXPORT_BATCH_SIZE spans, up to 32 requests at once, or eight of the largest
// size ([WithMaxRequestSize]). A batch that could not be delivered is tried again within the time the caller has, and
// after that it stays and goes first next time. When the buffer is full the oldest waiting span is dropped. Every drop
// is counted by its reason ([Dropped]) and makes exactly one flush fail, so that nothing is lost in silence:
// Ended = Exported + Pending + Dropped at any moment.
//
// # While the backend is down
//
// A flush of which no request was dealt with opens a breaker. The flush after it begins with a probe at once: a single
// request with a short look, and once it is taken, all others follow. From the second failure in a row on, flushes fail
// at once and keep their spans for 100 ms, then 400 and so on up to a minute; the first one after such a pause probes.
// Shutdown always tries. A refusal for good, such as a 400, is an answer of a backend that is up. docs/reliability.md
// has the figures, [Stats] the state.
//
// # Spans still open
//
// What is running when the process must go would be lost, the root of the trace first. [SDK.EndOpen] ends such
// spans with status Error and a reason, for one invocation or for all.
//
// # The last resort
//
// A process can end while its backend is down. With [WithSpill] what Shutdown could not deliver is written as lines
// of OTLP JSON, most often to the log ([SDK.WriteOut] does so for a process that ends without it), from where
// `epilogue replay` or a Collector sends it later.
//
// # Elsewhere
//
// Any sdktrace.SpanExporter can take the place of encoder and sender ([WithExporter]), and a [Sender] that of HTTP. A
// package that knows a backend recognises it by its endpoint ([FromEndpoint]); otelx/xray does so. Failures of background
// work go to otel.Handle, at most one a minute, and so does what a backend says about spans it rejects. Metrics of the export
// itself go to a meter provider ([WithMeterProvider]). A program's own metrics and logs are not this package's.
package otelx
