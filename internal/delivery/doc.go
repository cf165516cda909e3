// Package delivery sends telemetry to a backend from a process that may be frozen, may live on for hours, or may have
// half a second left. It knows neither OpenTelemetry nor HTTP.
//
//	Push ──▶ Queue (one per signal)
//	            │ take          ▲ put back: goes first next time
//	            ▼               │
//	         worker ──▶ encode ──▶ Sender.Send ──▶ acknowledge
//	            │
//	         Engine (one per origin): limit of requests at once, exit deadline
//
// Nothing is sent outside a flush. A flush of a signal begins if a caller asks for one ([Queue.Flush],
// [Queue.Shutdown]), if the queue becomes half full, or the export delay after its first item if background export is
// on. Callers that ask at the same time share a flush. It ends at the latest of their deadlines, and each caller leaves
// at its own. Between flushes the engine has no goroutine, and no timer but that of the background export.
//
// Each signal has a circuit breaker (package breaker). It opens if the backend decides about no request of a flush. A
// flush also begins with a probe if another signal of the origin has got no response at all. Retry-After delays the
// signal's next request; a flush without the time for that fails at once.
//
// If a request was written and its answer is lost, the backend may have the items. It recognises a span or a cumulative
// point that it gets again, but neither a log record nor a delta point. A flush sends such an item once more at most.
// It stays pending all the same, so a later flush sends it again; see [Stats].Repeated.
//
// The queue is bounded. A full queue drops its oldest item. Every drop is counted by its reason and makes exactly one
// flush fail with the error of Config.DropError.
//
// [Engine.SetExitDeadline] and [Queue.Shutdown] give every flush the shutdown policy, including a flush that is under
// way. If the exit deadline passes and the process lives, every flush has its normal policy again.
//
// Where to look:
//
//   - policy.go: the numbers, and what each policy allows
//   - engine.go: the states of a flush, and the lock
//   - calls.go, flush.go: callers and their flush, the outcome for the breaker
//   - stream.go: the thresholds and the timer of the background
//   - worker.go, attempt.go: the pauses, timeouts and hedged requests
//   - custom.go: the rules for custom exporters
//   - backlog.go: the items, and which of them a full queue drops
package delivery
