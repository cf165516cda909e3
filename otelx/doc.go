// Package otelx sets up OpenTelemetry tracing for a process: resource, sampler, propagators, a span queue for processes that
// may be frozen, and an OTLP exporter. It does not depend on AWS Lambda and serves any Go program.
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
// [New] reads the environment variables of the OpenTelemetry specification and makes its provider and propagator the global
// ones. It always returns an [SDK] that works; its error lists bad settings. A function adds otelx/awslambda.Defaults().
//
// # Export
//
//	queue  →  encoder  →  sender
//
// When a sampled span ends, its snapshot enters a bounded queue; nothing else happens on that path. Spans are exported
//
//   - by [SDK.ForceFlush] and [SDK.Shutdown];
//   - by a timer, OTEL_BSP_SCHEDULE_DELAY after the first span in an empty queue, unless [SDK.SetBackgroundExport] has switched
//     that off, as the agent does if the process may be frozen;
//   - in the background if the queue is half full, or, after [SDK.SetExitDeadline], if a batch is full.
//
// Between exports no goroutine exists, and no timer runs except that one.
//
// An export sends batches of OTEL_BSP_MAX_EXPORT_BATCH_SIZE spans, up to 32 requests at once, or 8 of the largest size
// ([WithMaxRequestSize]). It repeats a failed batch within the caller's time; after that the batch stays in the queue and is sent
// first next time. A full queue drops the oldest waiting span. Every drop is counted by reason ([Dropped]) and makes exactly one
// flush return a [DropError]. At every moment Ended = Exported + Pending + Dropped + Spilled ([Stats]).
//
// # Outages
//
// If every request of a flush fails (no response, 429, 502, 503 or 504), the circuit breaker opens. The next flush sends one
// probe request with a short timeout. After a second failure in a row flushes fail immediately and keep their spans, for 100 ms,
// then 400 ms and so on up to a minute. The first flush after such a pause sends a probe. Shutdown always sends. docs/reliability.md has
// the figures.
//
// A process can end while its backend is down. With [WithSpill] Shutdown writes undelivered spans as lines of OTLP JSON, most
// often to the log; [SDK.SpillPending] does so for a process that exits without Shutdown. `epilogue replay` sends them later.
//
// # Open spans
//
// Spans that are open when the process ends would be lost, the root of the trace among them. [SDK.EndOpenSpans] ends them with
// status Error and a reason, for some invocations or for all.
//
// # Extension points
//
// Any sdktrace.SpanExporter can replace encoder and sender ([WithExporter]), and a [Sender] can replace HTTP. A package that knows
// a backend recognizes it by its endpoint ([FromEndpoint]), as otelx/xray does. Failures of background exports go to otel.Handle,
// at most one a minute, and so do the backend's messages about rejected spans. Metrics of the export go to a meter provider
// ([WithMeterProvider]).
package otelx
