package delivery

import "github.com/epilogue-go/epilogue/internal/breaker"

// Stats counts the items of one signal. At every moment
// Ended = Exported + Pending + Dropped.Total() + Spilled + Superseded.
type Stats struct {
	Ended      int64 // items pushed
	Exported   int64 // items that the backend has accepted
	Pending    int64 // items that wait or are being sent
	InFlight   int64 // of these, items in a batch that a worker holds
	Spilled    int64 // undelivered items written to standard error, for replay
	Superseded int64 // replaceable items that a later collection has replaced
	Dropped    Dropped
	// Repeated counts items that the backend may have got once more and does not recognise: they were sent again after
	// a lost answer. It is not part of the sum.
	Repeated int64
	// Breaker is the state of the signal's circuit breaker. It is half-open while a flush is under way, and open until
	// a Retry-After has passed.
	Breaker breaker.State
}

// Dropped counts lost items by reason.
type Dropped struct {
	QueueFull     int64 // the queue had as many items as it holds
	QueueBytes    int64 // the queue's items had as many bytes as it holds
	Rejected      int64 // rejected inside a request that was otherwise accepted
	Refused       int64 // in a request that the backend will never accept
	TooLarge      int64 // a single item exceeds a request
	AfterShutdown int64 // pushed after Shutdown
	Invalid       int64 // without a value that the destination accepts; a queue counts none
	WriteFailed   int64 // a line that was not written; a queue counts none
}

// Total is the sum over all reasons.
func (d Dropped) Total() int64 {
	return d.QueueFull + d.QueueBytes + d.Rejected + d.Refused + d.TooLarge + d.AfterShutdown + d.Invalid + d.WriteFailed
}

// Reason is one reason for drops.
type Reason struct {
	Name  string // for metrics and log keys, such as "queue_full"
	Words string // for messages
	Count int64
}

// Reasons lists every reason, including those with count zero.
func (d Dropped) Reasons() []Reason {
	return []Reason{
		{"queue_full", "the queue was full", d.QueueFull},
		{"queue_bytes", "the queue had too many bytes", d.QueueBytes},
		{"rejected", "rejected by the backend", d.Rejected},
		{"refused", "refused by the backend permanently", d.Refused},
		{"too_large", "too large for a request", d.TooLarge},
		{"already_shutdown", "ended after Shutdown", d.AfterShutdown},
		{"invalid", "without a value that the destination accepts", d.Invalid},
		{"write_failed", "not written", d.WriteFailed},
	}
}

// Sub returns d - o.
func (d Dropped) Sub(o Dropped) Dropped {
	return Dropped{
		QueueFull:     d.QueueFull - o.QueueFull,
		QueueBytes:    d.QueueBytes - o.QueueBytes,
		Rejected:      d.Rejected - o.Rejected,
		Refused:       d.Refused - o.Refused,
		TooLarge:      d.TooLarge - o.TooLarge,
		AfterShutdown: d.AfterShutdown - o.AfterShutdown,
		Invalid:       d.Invalid - o.Invalid,
		WriteFailed:   d.WriteFailed - o.WriteFailed,
	}
}
