package delivery

import "time"

// Config is the configuration of one signal's queue. All fields are required unless they say otherwise.
type Config struct {
	Signal Signal
	// Items names the items in messages, such as "spans".
	Items string
	// Capacity is how many items the queue holds, those being sent included.
	Capacity int
	// MaxBytes is how many bytes these items have in memory together, as their pushes estimate; 0: no limit.
	MaxBytes int
	// BatchSize is how many items a request holds at most.
	BatchSize int
	// RequestBytes is how many bytes an encoded request has at most. It is not used with a custom exporter.
	RequestBytes int
	// ItemBytes is how many bytes an encoded item has at most; 0: as many as a request. The encoder enforces it.
	ItemBytes int
	// Delay is the time from the first item in an empty queue to its background export.
	Delay time.Duration
	// Timeout limits the delivery of one batch, except under the shutdown policy, and the whole call of a caller
	// without a deadline; 0: no limit.
	Timeout time.Duration
	// Hedge says that the backend recognises an item that it gets twice. So a shutdown may send a request that gets no
	// answer a second time. Replaceable items of a collection ([Queue.PushCollection]) are recognised in any case.
	//
	// If the answer to a request with other items is lost, a flush sends them once more at most; see [Stats].Repeated.
	Hedge bool

	// DropError makes the error that reports drops and the backend's last message about them (nil: none). The default
	// is an error with the counts.
	DropError func(d Dropped, cause error) error

	// The callbacks are called without a lock and may call the queue. They should return soon: callers of the flush
	// wait for them for callbackTime. While one has not returned, no other is called. A panic is ignored. Each may be
	// nil.

	// OnExport gets each export of a batch.
	OnExport func(Export)
	// OnError gets the error of a flush that no caller waits for.
	OnError func(error)
	// OnPartialSuccess gets the backend's message about a request that it accepted.
	OnPartialSuccess func(error)
	// OnHint gets an error that tells the user how to prevent it, with a key that identifies it.
	OnHint func(key string, err error)
}

// Export is the delivery of one batch in one flush: a request with its repetitions, or several if the batch does not
// fit into one.
type Export struct {
	Began time.Time     // of the first request
	Took  time.Duration // until the end of the last one
	// Result is that of the last request, with the rejected items of all.
	Result

	// Late says that the last request ended because its time was over.
	Late bool
	Err  error // why the items of the last request are not delivered
}

// add adds a request.
func (x *Export) add(a attempt) {
	if a.unsent {
		return
	}
	if x.Began.IsZero() {
		x.Began = a.begun
	}
	a.Rejected += x.Rejected
	x.Took, x.Result, x.Late, x.Err = a.begun.Add(a.took).Sub(x.Began), a.Result, a.late, a.err
}

const (
	// splitBytes is the size from which a request that is too large for the backend is divided, or an eighth of
	// Config.RequestBytes if that is less. A backend that takes less is not made for telemetry.
	splitBytes    = 64 << 10
	splitFraction = 8
)
