package otelx

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/log"
	lognoop "go.opentelemetry.io/otel/log/noop"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/counts"
	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/otelx/internal/pipeline"
	"github.com/epilogue-go/epilogue/otelx/internal/sdkmetrics"
	"github.com/epilogue-go/epilogue/otelx/internal/spiller"
	"github.com/epilogue-go/epilogue/otelx/internal/traces"
)

// SDK is a configured OpenTelemetry SDK: traces, and metrics and logs if they are on. Its methods are safe for concurrent use and
// never panic.
type SDK struct {
	provider  trace.TracerProvider
	resource  *resource.Resource
	processor *traces.Processor
	builder   *pipeline.Builder
	signals   []*pipeline.Signal   // that are on; traces always are
	queues    []pipeline.Queue     // of all signals
	meters    metric.MeterProvider // nil: metrics are off
	loggers   log.LoggerProvider   // nil: logs are off
	recorder  sdkmetrics.Recorder  // of the export of spans; nil: none
	spiller   *spiller.Spiller     // nil: none

	shuttingDown atomic.Int64 // calls of Shutdown under way
	shutDown     atomic.Bool  // the last of them has returned
}

// TracerProvider returns the provider that New has made the global one: the API's no-op if OTEL_SDK_DISABLED is true.
// Shut it down with [SDK.Shutdown].
func (s *SDK) TracerProvider() trace.TracerProvider { return s.provider }

// MeterProvider returns the provider that New has made the global one. Without [WithMetrics] or if OTEL_SDK_DISABLED is true, it
// returns the API's no-op, and New leaves the global provider as it is. It has ForceFlush and Shutdown of the SDK.
func (s *SDK) MeterProvider() metric.MeterProvider {
	if s.meters == nil {
		return metricnoop.NewMeterProvider()
	}
	return s.meters
}

// LoggerProvider returns the provider that New has made the global one. Without [WithLogs] or if OTEL_SDK_DISABLED is true, it
// returns the API's no-op, and New leaves the global provider as it is.
func (s *SDK) LoggerProvider() log.LoggerProvider {
	if s.loggers == nil {
		return lognoop.NewLoggerProvider()
	}
	return s.loggers
}

// ForceFlush exports all sampled spans that ended before the call, the log records so far, and the metrics, which it collects. It
// returns nil only if all of them were delivered. The signals have their exports at the same time, each with its own errors.
//
// Concurrent callers share one export, and each waits under its own ctx. When ctx ends, ForceFlush returns its error at
// once. The export continues only while another caller waits, so nothing is on the wire when the last caller has returned.
// Undelivered items stay in the queue and are sent first next time. A ctx without a deadline, or a nil one, has
// OTEL_BSP_EXPORT_TIMEOUT.
//
// ForceFlush repeats failed attempts after pauses of 20 ms up to a second, until none has succeeded for half a second or for a
// quarter of the time that ctx had, whichever is longer. It honors Retry-After up to 5 minutes; if that exceeds the time of
// ctx, it returns at once, and until then only Shutdown sends. docs/reliability.md has the timeouts of attempts.
//
// While the circuit breaker is open, ForceFlush returns an error at once, without a request.
//
// If items were dropped since the last flush that could tell, the error has a [*DropError] with the counts for each signal. After a
// Shutdown, ForceFlush does nothing and returns nil; [SDK.Stats] has the counts.
func (s *SDK) ForceFlush(ctx context.Context) error {
	return s.flush(notNil(ctx), pipeline.ForceFlush)
}

func (s *SDK) flush(ctx context.Context, call func(pipeline.Queue, context.Context) error) error {
	if s.shutDown.Load() {
		return nil
	}
	began := time.Now()
	err := pipeline.Concurrently(ctx, s.queues, call)
	if s.recorder != nil {
		s.recorder.FlushEnded(ctx, began, err)
	}
	return err
}

// Flush is ForceFlush, but collects metrics only if their interval has passed. The agent calls it at the end of an invocation.
func (s *SDK) Flush(ctx context.Context) error {
	return s.flush(notNil(ctx), pipeline.Queue.Flush)
}

// Shutdown flushes all signals and then closes the exporters. It ignores the circuit breaker and retries until ctx ends. It honors a
// Retry-After that fits into the remaining time and ignores any other.
// An export under way continues for as long as Shutdown waits. A request without a response for half of its time is sent once
// more on another connection. Spans and log records after the call are dropped and counted.
//
// Any number of callers share one Shutdown, each under its own ctx. The exporter is closed when the last of them has flushed.
// Then undelivered items are spilled ([WithSpill]) or stay pending, and every later Shutdown returns an error about pending
// items again.
//
// Give ctx a deadline. Without one, a backend that is down holds Shutdown for OTEL_BSP_EXPORT_TIMEOUT.
func (s *SDK) Shutdown(ctx context.Context) error {
	s.shuttingDown.Add(1)
	err := s.spiller.Shutdown(notNil(ctx), func(ctx context.Context) error {
		return pipeline.Concurrently(ctx, s.queues, pipeline.Queue.Shutdown)
	})
	if s.shuttingDown.Add(-1) == 0 {
		s.shutDown.Store(true)
	}
	if s.recorder != nil {
		s.recorder.Close()
	}
	return err
}

// notNil returns ctx, or one that does not end if ctx is nil.
func notNil(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// SetExitDeadline tells the SDK that the process exits at t. A Shutdown or a last ForceFlush is expected to follow. Until t
//
//   - exports, including one under way, ignore the circuit breaker and OTEL_BSP_EXPORT_TIMEOUT, and a Retry-After that does not
//     fit into the remaining time. They retry until the end, and repeat a request without a response after half of its time;
//   - an export under way continues even if the caller of its ForceFlush leaves; the next ForceFlush joins it;
//   - a batch of spans is exported as soon as it is full.
//
// If the process lives on after t, everything is normal again. A zero t clears the deadline. SetExitDeadline returns at once.
func (s *SDK) SetExitDeadline(t time.Time) {
	s.builder.SetExitDeadline(t)
	for _, q := range s.queues {
		if q, ok := q.(interface{ SetExitDeadline(t time.Time) }); ok {
			q.SetExitDeadline(t)
		}
	}
}

// SpillPending writes the pending items as lines until ctx ends, or for one second if ctx has no deadline, and returns how
// many items it has written; 0 without [WithSpill]. It is for a process that is about to exit without Shutdown, after a
// ForceFlush that failed. Spilled items leave the queue, even if the process lives on.
func (s *SDK) SpillPending(ctx context.Context) int {
	return s.spiller.Pending(notNil(ctx))
}

// EndOpenSpans ends the sampled spans that are open: those with a span ID in roots and all below them, or every open span if
// roots is nil. Each span gets the status Error with reason, unless its status is Ok already, and the same end time. With a
// non-empty errorType, such as "timeout", each span without the attribute error.type gets it, as far as
// OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT allows (OpenTelemetry semantic conventions, error.type). It returns how many spans it
// ended. One call with many roots takes one pass over the open spans.
//
// The SDK knows as many open spans as the queue holds (OTEL_BSP_MAX_QUEUE_SIZE). A span that starts beyond that replaces one
// that has been open for more than 15 minutes, or is not known. A span whose parent has ended counts as below a root only if
// that root is the one entry of the trace into this process.
func (s *SDK) EndOpenSpans(roots [][8]byte, errorType, reason string) int {
	return s.processor.EndOpenSpans(roots, errorType, reason)
}

// SetBackgroundExport switches the export by timer on, as it is after New, or off, as it must be if the process may be frozen.
// An export under way continues. With the timer off it belongs to the next caller of ForceFlush and ends with that call.
func (s *SDK) SetBackgroundExport(on bool) {
	for _, q := range s.queues {
		q.SetBackgroundExport(on)
	}
}

// Resource returns the resource of the SDK's spans. It is empty if OTEL_SDK_DISABLED is true.
func (s *SDK) Resource() *resource.Resource { return s.resource }

// Pending returns how many items are pending in all queues, and whether a flush must not be deferred: an export is under way, a
// quarter of a queue is in use ([WithMaxQueueSize]), or items were dropped that no flush has reported. A collection of metrics that
// is due counts as an item. If Pending returns 0 and false, Flush has nothing to do. It returns at once.
func (s *SDK) Pending() (n int, flushNow bool) {
	for _, q := range s.queues {
		k, now := q.Pending()
		n, flushNow = n+k, flushNow || now
	}
	return n, flushNow
}

// Counts returns the delivery counts of each signal, in a fixed order.
func (s *SDK) Counts() []counts.Signal {
	all := make([]counts.Signal, 0, len(s.signals))
	for _, signal := range s.signals {
		st := signal.Stats()
		c := counts.Signal{
			Name: string(signal.Name), Ended: st.Ended, Exported: st.Exported, Pending: st.Pending, Dropped: st.Dropped.Total(),
			Spilled: st.Spilled, Superseded: st.Superseded, Repeated: st.Repeated, Breaker: st.Breaker.String(),
		}
		if signal.Name == delivery.Traces {
			c.Open = int64(s.processor.Open())
		}
		if reasons := Dropped(st.Dropped).reasons(); len(reasons) > 0 {
			c.Reasons = make(map[string]int64)
			for _, reason := range reasons {
				c.Reasons[reason.Name] = reason.Count
			}
		}
		all = append(all, c)
	}
	return all
}

// Stats returns the counts of all signals so far.
func (s *SDK) Stats() (all Stats) {
	for _, signal := range s.signals {
		st := signal.Stats()
		switch signal.Name {
		case delivery.Metrics:
			all.Metrics = signalStats(&st)
		case delivery.Logs:
			all.Logs = signalStats(&st)
		default:
			all.Open, all.Ended, all.Exported, all.Pending = int64(s.processor.Open()), st.Ended, st.Exported, st.Pending
			all.Spilled, all.Dropped, all.Breaker = st.Spilled, Dropped(st.Dropped), st.Breaker.String()
		}
	}
	return all
}

func signalStats(st *delivery.Stats) SignalStats {
	return SignalStats{
		Ended: st.Ended, Exported: st.Exported, Pending: st.Pending, Dropped: Dropped(st.Dropped), Spilled: st.Spilled,
		Superseded: st.Superseded, Repeated: st.Repeated, Breaker: st.Breaker.String(),
	}
}

// LogValue returns Stats for slog.
func (s *SDK) LogValue() slog.Value { return slog.AnyValue(s.Stats()) }
