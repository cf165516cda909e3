package otlpreceiver

import (
	"slices"
	"time"
)

// Stage is a moment in the handling of a request.
type Stage int

// The stages at which a connection can be cut.
const (
	Never       Stage = iota
	BeforeRead        // the headers have arrived, the body is not read
	BeforeStore       // the body is read, the items are not kept
	AfterStore        // the items are kept, the client has no answer
)

// Fault is a fault of one request. The zero value is none. Its parts combine: a request is delayed, then hangs, then is
// refused or accepted. The connection is cut in between, at the stage of Cut.
type Fault struct {
	// Only limits the fault to requests of this signal; "" means all.
	Only Signal
	// Delay is how long to wait once the body has been read.
	Delay time.Duration
	// Hang waits, after Delay, until Unblock is called. If the client gives up meanwhile, its items are not kept.
	Hang bool
	// Cut resets the request's connection.
	Cut Stage
	// Status refuses the request with this HTTP status, such as 503; 0 accepts it. A redirect is one with Location set.
	Status int
	// RetryAfter and Location are sent as headers with Status, if they are not empty.
	RetryAfter, Location string
	// Message is the text of the google.rpc.Status that comes with Status, or of the partial success.
	Message string
	// Rejected makes a partial success: this number of items, the last of the request, is not kept.
	Rejected int64
	// Malformed keeps the items and answers 200 with bytes that are no OTLP.
	Malformed bool
}

// SetFault sets the fault of all later requests, until it is called again; the zero Fault is none. With Only set, it
// changes the fault of that signal, and the other signals keep theirs.
func (r *Receiver) SetFault(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.Only == "" {
		clear(r.always)
	}
	r.always[f.Only] = f
}

// FailNext sets the faults of the next requests, one each, in the order in which they begin. They override SetFault.
// Unused faults of earlier calls come first. A zero Fault accepts a request. A fault with Only set waits for a request of
// that signal.
func (r *Receiver) FailNext(faults ...Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = append(r.next, faults...)
}

// Unblock resumes all requests that hang at this moment.
func (r *Receiver) Unblock() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.release)
	r.release = make(chan struct{})
}

// takeFault returns the fault of a request that begins. The caller holds mu.
func (r *Receiver) takeFault(signal Signal) Fault {
	for i, f := range r.next {
		if f.Only == "" || f.Only == signal {
			r.next = slices.Delete(r.next, i, i+1)
			return f
		}
	}
	if f, ok := r.always[signal]; ok {
		return f
	}
	return r.always[""]
}
