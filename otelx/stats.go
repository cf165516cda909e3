package otelx

import (
	"log/slog"
	"slices"

	"github.com/epilogue-go/epilogue/internal/breaker"
	"github.com/epilogue-go/epilogue/internal/delivery"
)

// Stats counts all sampled spans. At every moment Ended = Exported + Pending + Dropped.Total() + Spilled.
type Stats struct {
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
	// Breaker says whether the backend is considered down.
	Breaker BreakerState
}

// Dropped counts lost spans by reason.
type Dropped struct {
	// QueueFull counts spans dropped because the queue was full: the oldest waiting span, or the span that ended if the
	// whole queue was being sent.
	QueueFull int64
	// Rejected counts spans that the backend refused inside requests that it otherwise accepted (OTLP partial success).
	Rejected int64
	// Refused counts spans of requests that the backend refused with a status that forbids another attempt.
	Refused int64
	// TooLarge counts spans that alone exceed the size of a request: ours ([WithMaxRequestSize]) or the backend's.
	TooLarge int64
	// AfterShutdown counts spans that ended after Shutdown was called.
	AfterShutdown int64
}

// Total is the sum over all reasons.
func (d Dropped) Total() int64 {
	return d.QueueFull + d.Rejected + d.Refused + d.TooLarge + d.AfterShutdown
}

// LogValue returns the counts for slog: ended, exported, pending and dropped always; each reason of drops, spilled and the
// breaker's state only if they are not zero or closed.
func (s Stats) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.Int64("ended", s.Ended),
		slog.Int64("exported", s.Exported),
		slog.Int64("pending", s.Pending),
		slog.Int64("dropped", s.Dropped.Total()),
	}
	for _, reason := range s.Dropped.reasons() {
		attrs = append(attrs, slog.Int64("dropped_"+reason.Name, reason.Count))
	}
	if s.Spilled != 0 {
		attrs = append(attrs, slog.Int64("spilled", s.Spilled))
	}
	if s.Breaker != BreakerClosed {
		attrs = append(attrs, slog.String("breaker", s.Breaker.String()))
	}
	return slog.GroupValue(attrs...)
}

// reasons returns the reasons that are not zero.
func (d Dropped) reasons() []delivery.Reason {
	return slices.DeleteFunc(delivery.Dropped(d).Reasons(), func(r delivery.Reason) bool { return r.Count == 0 })
}

// BreakerState is the state of the circuit breaker. The zero value is BreakerClosed.
type BreakerState int

const (
	// BreakerClosed means that requests are sent.
	BreakerClosed = BreakerState(breaker.Closed)
	// BreakerOpen means that the backend is down. Until a pause has passed, flushes fail at once and keep their spans.
	BreakerOpen = BreakerState(breaker.Open)
	// BreakerHalfOpen means that the backend was down. The flush under way, or the next, begins with a single request. If
	// that is answered, the others follow.
	BreakerHalfOpen = BreakerState(breaker.HalfOpen)
)

// String returns "closed", "open" or "half-open".
func (s BreakerState) String() string { return breaker.State(s).String() }

// publicStats makes the public form of the engine's counts.
func publicStats(s delivery.Stats) Stats {
	return Stats{
		Ended: s.Ended, Exported: s.Exported, Pending: s.Pending, Spilled: s.Spilled,
		Dropped: Dropped(s.Dropped), Breaker: BreakerState(s.Breaker),
	}
}
