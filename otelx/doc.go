// Package otelx sets up OpenTelemetry for a process: traces, and with [WithMetrics] and [WithLogs] metrics and logs. It has
// resource, sampler, propagators, queues for processes that may be frozen, and OTLP exporters. It does not depend on AWS Lambda and
// serves any Go program.
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
//	span ends → queue → encoder → sender (OTLP over HTTP)
//
// When a sampled span ends, its snapshot enters a bounded queue; nothing else happens on that path. Spans leave the queue in a
// flush, of which at most one is under way. A flush begins
//
//   - for callers of [SDK.ForceFlush] and [SDK.Shutdown], who share it; each caller leaves at its own deadline;
//   - by a timer, OTEL_BSP_SCHEDULE_DELAY after the first span in an empty queue, unless [SDK.SetBackgroundExport] has switched
//     that off, as the agent does if the process may be frozen;
//   - in the background if the queue is half full, or, after [SDK.SetExitDeadline], if a batch is full.
//
// Between flushes no goroutine exists, and no timer runs except that one, the one of an exit deadline, and that of metrics in a
// process that does not freeze.
//
// Each signal has a queue, counts and errors of its own, and flushes at the same time as the others. Signals with the same scheme,
// host, port and TLS client identity share connections, the limit of requests, and the circuit breaker for a missing answer.
//
// A flush sends batches of OTEL_BSP_MAX_EXPORT_BATCH_SIZE spans, up to 32 requests at once, or 8 of the largest size
// ([WithMaxRequestSize]). It retries a failed batch within its time. After that the batch returns to the front of the queue for
// the next flush. A full queue drops the oldest waiting span. Every drop is counted by reason ([Dropped]) and makes exactly one
// flush return a [DropError]. At every moment Ended = Exported + Pending + Dropped + Spilled ([Stats]).
//
// # Outages
//
// The circuit breaker opens if no request of a flush gets a response, or if the backend refuses every one with 429, 502, 503 or
// 504. The next flush sends one probe request with a short timeout. After the second failure in a row, flushes fail at once and
// keep their spans for 100 ms, then 400 ms and so on up to a minute. The first flush after such a pause probes. A Shutdown, and
// a flush before an exit deadline, ignore the breaker. docs/reliability.md has the figures.
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
// [WithExporter] replaces encoder and sender by any sdktrace.SpanExporter. A panic of it drops that batch alone. Package
// otelx/xray sends to AWS X-Ray instead of an OTLP endpoint. [Fallback] makes defaults of options, for a package that knows the
// platform, such as otelx/awslambda. Failures of background exports go to otel.Handle, at most one a minute, and so do the
// backend's messages about rejected spans. Metrics of the export go to a meter provider ([WithMeterProvider]).
package otelx
