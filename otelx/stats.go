package otelx

import (
	"log/slog"
	"slices"
)

// Stats is the account of all sampled spans. At any moment Ended = Exported + Pending + Dropped.Total().
type Stats struct {
	// Ended is the number of sampled spans that have ended since New.
	Ended int64
	// Exported is the number of those that a backend has accepted.
	Exported int64
	// Pending is the number of those that wait or are being sent. What a Shutdown could not deliver stays here.
	Pending int64
	// WrittenOut is the number of those pending that the last resort has written as lines (see [WithLastResort]). Of a
	// span that was still being sent then, the answer may come later: it is counted as exported or dropped as well.
	WrittenOut int64
	// Dropped counts those that are lost, by reason.
	Dropped Dropped
	// Breaker says whether the backend is taken for being down.
	Breaker BreakerState

	// Provisional is the number of copies of open spans that a backend has accepted (see [SDK.ExportOpen]), apart from
	// all the above: such a span is counted there when it ends.
	Provisional int64
}

// Dropped counts lost spans by reason.
type Dropped struct {
	// QueueFull counts spans that gave way to newer ones because the buffer was full: the oldest that waited, or, with
	// all of the buffer being sent, the one that ended.
	QueueFull int64
	// Rejected counts spans that the backend refused inside requests that it otherwise accepted (OTLP partial success).
	Rejected int64
	// Refused counts spans of requests that the backend refused for good, with a status that forbids another try.
	Refused int64
	// TooLarge counts spans of which a single one exceeds the size of a request, ours (4 MiB) or what the backend
	// takes.
	TooLarge int64
	// AfterShutdown counts spans that ended after Shutdown was called.
	AfterShutdown int64
}

// Total is the sum over all reasons.
func (d Dropped) Total() int64 {
	return d.QueueFull + d.Rejected + d.Refused + d.TooLarge + d.AfterShutdown
}

// LogValue renders the counts for slog: ended, exported, pending and dropped, of the others those that are not zero, and
// the breaker's state where it is not closed.
func (s Stats) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.Int64("ended", s.Ended),
		slog.Int64("exported", s.Exported),
		slog.Int64("pending", s.Pending),
		slog.Int64("dropped", s.Dropped.Total()),
	}
	for _, reason := range s.Dropped.reasons() {
		attrs = append(attrs, slog.Int64("dropped_"+reason.name, reason.count))
	}
	if s.WrittenOut != 0 {
		attrs = append(attrs, slog.Int64("written_out", s.WrittenOut))
	}
	if s.Provisional != 0 {
		attrs = append(attrs, slog.Int64("provisional", s.Provisional))
	}
	if s.Breaker != BreakerClosed {
		attrs = append(attrs, slog.String("breaker", s.Breaker.String()))
	}
	return slog.GroupValue(attrs...)
}

type dropReason struct {
	name, words string
	count       int64
}

// all lists every reason.
func (d Dropped) all() []dropReason {
	return []dropReason{
		{"queue_full", "the buffer was full", d.QueueFull},
		{"rejected", "rejected by the backend", d.Rejected},
		{"refused", "refused by the backend for good", d.Refused},
		{"too_large", "too large for a request", d.TooLarge},
		{"after_shutdown", "ended after Shutdown", d.AfterShutdown},
	}
}

// reasons lists the reasons that are not zero.
func (d Dropped) reasons() []dropReason {
	return slices.DeleteFunc(d.all(), func(r dropReason) bool { return r.count == 0 })
}

func (d Dropped) minus(o Dropped) Dropped {
	return Dropped{
		QueueFull:     d.QueueFull - o.QueueFull,
		Rejected:      d.Rejected - o.Rejected,
		Refused:       d.Refused - o.Refused,
		TooLarge:      d.TooLarge - o.TooLarge,
		AfterShutdown: d.AfterShutdown - o.AfterShutdown,
	}
}
