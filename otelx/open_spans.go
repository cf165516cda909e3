package otelx

import (
	"slices"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// forgottenAfter is the age from which an open span gives way to others. Programs that do not end each of their
	// spans would else fill openSpans for good, and none that starts later would be known.
	forgottenAfter = 15 * time.Minute
	// leastStarts is how many spans start at least before somebody who starts one has to sweep.
	leastStarts = 64
	// spareStarts is for how many spans there is room at least that start while others are swept out.
	spareStarts = 1 << 12
	// sweepPatience is how long anybody waits for a sweep, which takes microseconds unless a span's lock is held. The SDK
	// holds it while it makes text of what a program has panicked with, by methods of the program's own.
	sweepPatience = 5 * time.Millisecond
)

// openSpans knows the sampled spans that have started and not ended, up to a bound.
//
// A span that ends is not looked for: each flush, each export in the background, and failing these each of many starts,
// sweeps out those that have ended. So OnEnd has nothing to do here; and what has ended is held for no longer than its
// snapshot waits in the queue, or until half the bound have started since.
type openSpans struct {
	bound   int
	sweepAt int // so many starts
	started lane[sdktrace.ReadWriteSpan]

	sweeping sync.Mutex // held by the sweep under way

	mu    sync.Mutex
	known []sdktrace.ReadWriteSpan // in the order in which they came
}

func newOpenSpans(bound int) *openSpans {
	o := &openSpans{bound: bound, sweepAt: max(bound/2, leastStarts)}
	o.started.await(o.sweepAt)
	o.started.most = o.sweepAt + max(bound, spareStarts)
	return o
}

// add takes in a span that has started. It stays unknown where the sweep under way does not come to an end and there is no
// room for more.
func (o *openSpans) add(s sdktrace.ReadWriteSpan) {
	if o.started.put(s) {
		o.sweep()
	}
}

// list returns a copy of what is open now.
func (o *openSpans) list() []sdktrace.ReadWriteSpan {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tidy()
	return slices.Clone(o.known)
}

// sweep lets go of what has ended. It does nothing while another sweep does so, and returns after sweepPatience at the
// latest: a span that can not be asked must hold up neither a flush nor the start of another span.
func (o *openSpans) sweep() { o.beginSweep()() }

// beginSweep is sweep without the wait, which is what it returns.
func (o *openSpans) beginSweep() (wait func()) {
	if !o.sweeping.TryLock() {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer o.sweeping.Unlock()
		o.mu.Lock()
		defer o.mu.Unlock()
		o.tidy()
	}()
	return func() { await(done, sweepPatience) }
}

// await waits for done, for patience at most.
func await(done <-chan struct{}, patience time.Duration) {
	if isClosed(done) {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// tidy brings known up to date. o.mu is held. Of a span it calls what takes no lock but the span's own.
func (o *openSpans) tidy() {
	taken := o.started.take()
	o.started.await(o.sweepAt)
	o.known = append(o.known, taken...)
	clear(taken)
	o.known = slices.DeleteFunc(o.known, func(s sdktrace.ReadWriteSpan) bool {
		return !s.IsRecording() || !s.SpanContext().IsSampled()
	})
	excess := len(o.known) - o.bound
	if excess <= 0 {
		return
	}
	then := time.Now().Add(-forgottenAfter)
	o.known = slices.DeleteFunc(o.known, func(s sdktrace.ReadWriteSpan) bool {
		if excess == 0 || !s.StartTime().Before(then) {
			return false
		}
		excess--
		return true
	})
	o.known = slices.Delete(o.known, min(o.bound, len(o.known)), len(o.known))
}
