package otelx

import (
	"slices"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// Stats counts all sampled spans, and in Metrics and Logs the items of the other signals. At every moment
// Ended = Exported + Pending + Dropped.Total() + Spilled.
type Stats struct {
	// Open is the number of sampled spans that have started and not ended.
	Open int64
	// Ended is the number of sampled spans that have ended since New.
	Ended int64
	// Exported is the number of spans that a backend has accepted.
	Exported int64
	// Pending is the number of spans that wait or are being sent. Without [WithSpill] the spans that a Shutdown could not
	// deliver stay here.
	Pending int64
	// Dropped counts lost spans by reason.
	Dropped Dropped
	// Spilled is the number of undelivered spans that were written as lines (see [WithSpill]). They are not sent any more. A
	// request that was under way at that moment may still be accepted; its spans stay counted here.
	Spilled int64
	// Breaker is the state of the circuit breaker:
	//
	//   - "closed": requests are sent;
	//   - "open": the backend is down; until a pause has passed, flushes fail at once and keep their spans;
	//   - "half-open": the backend was down; the flush under way, or the next, begins with a single request, and the others
	//     follow if that is answered.
	Breaker string

	// Metrics counts data points as collected, and Logs log records: once for each exporter of their signal. They are zero if
	// the signal is off.
	Metrics, Logs SignalStats
}

// SignalStats counts the items of metrics or logs. At every moment
// Ended = Exported + Pending + Dropped.Total() + Spilled + Superseded. The fields have the meaning of those in [Stats].
type SignalStats struct {
	Ended    int64
	Exported int64
	Pending  int64
	Dropped  Dropped
	Spilled  int64
	// Superseded is the number of cumulative data points and gauges that a later collection has replaced. They are no loss.
	Superseded int64
	// Repeated is the number of log records and delta points that the backend may have counted once more: they were sent again
	// because the answer to their first request was lost. It is not part of the sum.
	Repeated int64
	Breaker  string
}

// Dropped counts lost items by reason: spans, data points or log records.
type Dropped struct {
	// QueueFull counts items dropped because the queue was full: the oldest waiting item, or the new one if the whole queue was
	// being sent.
	QueueFull int64
	// QueueBytes counts items dropped because the items in the queue had too many bytes ([WithMaxQueueBytes]): the oldest waiting
	// items, or the new one if the whole queue was being sent.
	QueueBytes int64
	// Rejected counts items that the backend refused inside requests that it otherwise accepted (OTLP partial success).
	Rejected int64
	// Refused counts items of requests that the backend refused with a status that forbids another attempt.
	Refused int64
	// TooLarge counts items that alone exceed the size of a request, ours ([WithMaxRequestSize]) or the backend's, and cannot be
	// reduced to it.
	TooLarge int64
	// AfterShutdown counts items that came after Shutdown was called.
	AfterShutdown int64
	// Invalid counts data points without a value that the destination accepts; only EMF has such limits.
	Invalid int64
	// WriteFailed counts log records whose line could not be written to standard output within 100 ms.
	WriteFailed int64
}

// Total is the sum over all reasons.
func (d Dropped) Total() int64 {
	return delivery.Dropped(d).Total()
}

// reasons returns the reasons that are not zero.
func (d Dropped) reasons() []delivery.Reason {
	return slices.DeleteFunc(delivery.Dropped(d).Reasons(), func(r delivery.Reason) bool { return r.Count == 0 })
}
