// Package delivery sends telemetry to a backend from a process that may be frozen, may live on for hours, or may have
// half a second left. It knows neither OpenTelemetry nor HTTP.
//
//	Push ──▶ Queue (one per signal)
//	            │ take          ▲ nack
//	            ▼               │
//	         worker ──▶ encode ──▶ Sender.Send ──▶ ack
//	            │
//	         Engine (one per origin): limit of requests at once, circuit breaker, exit deadline
//
// # Flushes
//
// Nothing is sent outside a flush. A flush of a signal begins
//
//   - when a caller asks for one ([Queue.Flush], [Queue.Shutdown]);
//   - in the background, when the queue becomes half full, or the export delay after its first item if background
//     export is on.
//
// A flush is one operation with waiters. Callers that ask at the same time share it. It ends at the latest of their
// deadlines, and each caller leaves at its own. Between flushes the engine has no goroutine, and no timer but that of
// the background export.
//
// A worker takes a batch, encodes it, sends it, and acknowledges the items that the backend has decided about. The rest
// goes back to the front of the queue. A flush has a [policy] that says how long to wait for an answer, how long to retry,
// and whether the breaker counts.
//
// # Faults
//
// The engine's circuit breaker (package breaker) opens if no request of a flush got a response. It holds every signal
// that has got no response itself; another one may still send one probe of its own. A hold, which has the same schedule,
// stops one signal: if the backend refuses all requests of its flush with a retryable status, or if it answers another
// signal but not this one. Retry-After delays the signal's next request; a flush without the time for that fails at once.
//
// A custom exporter gets each batch at most once in a flush. A batch that it does not take goes to the back of the
// queue. It is dropped if it fails again and again while other batches are delivered. The rules and their reasons are in
// custom.go.
//
// If a request was written and its answer is lost, the backend may have the items. It recognises a span or a cumulative point
// that it gets again, but neither a log record nor a delta point. A flush sends such an item once more at most. It stays
// pending all the same, so a later flush sends it again; see [Stats].Repeated.
//
// The queue is bounded. A full queue drops its oldest item. Every drop is counted by its reason and makes exactly one
// flush fail with the error of Config.DropError.
//
// # The end of the process
//
// [Engine.SetExitDeadline] and [Queue.Shutdown] give every flush the shutdown policy, including a flush that is under
// way. The breaker, the holds and the timeouts no longer count, attempts last until the deadline, and one that gets no
// answer is hedged if the backend can recognise the items. A Retry-After counts if it fits into the remaining time, and is
// ignored otherwise; a pause under way is computed again when the policy changes. If the exit deadline passes and the
// process lives, every flush has its normal policy again.
//
// # Where to look
//
//   - policy.go: the numbers, and what each policy allows
//   - engine.go: the states of a flush, and the lock
//   - backlog.go: the items, and which of them a full queue drops
//   - worker.go, attempt.go: the pauses, timeouts and hedged requests
//   - background.go: the thresholds and the timer of the background
//   - health.go: the breaker and the holds
package delivery
