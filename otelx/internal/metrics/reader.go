// Package metrics collects metrics in a process that may be frozen, and takes their data points to a queue.
//
//	MeterProvider ◀──collect── Reader ──encode──▶ queue ──▶ backend
//
// No timer runs while the process can freeze. A [Reader] collects at the first flush, at a later one if its interval has passed
// since the last collection, freezes included, and at each flush that is forced.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/delivery"
)

// Queue is the queue of data points.
type Queue interface {
	Flush(ctx context.Context) error
	Shutdown(ctx context.Context) error
	Pending() (n int, flushNow bool)
	SetBackgroundExport(on bool)
	Stats() delivery.Stats
}

// Config configures a [Reader].
type Config struct {
	Interval  time.Duration // between collections
	EachFlush bool          // every flush collects
	Timeout   time.Duration // of a collection; 0: none
	Producers []sdkmetric.Producer
	Options   []sdkmetric.ManualReaderOption

	Queue Queue
	// Push puts the data points of a collection into the queue. It returns how many are invalid, and an error about others that
	// cannot be encoded. It must not keep rm.
	Push func(rm *metricdata.ResourceMetrics) (invalid int, err error)
	// DropError makes the error of a flush after invalid points.
	DropError func(d delivery.Dropped, cause error) error
	// Report gets the errors of collections.
	Report func(error)
}

// Reader is the reader of one exporter. It embeds the SDK's, because the SDK accepts no reader of another package.
//
// At most one collection runs at once. It runs callbacks of the program, which may fail, panic or hang. Its goroutine owns rm.
type Reader struct {
	*sdkmetric.ManualReader

	config     Config
	collection bounded.Slot
	rm         metricdata.ResourceMetrics
	final      chan struct{} // closed when the last collection is over

	mu           sync.Mutex // guards the rest
	last         time.Time  // beginning of the last collection by the wall clock; zero: none
	hangs        bool       // a collection has been left behind
	hangReported bool
	timer        *time.Timer // of the background; nil: off
	exitDeadline time.Time   // zero: none
	collected    bool        // for the exit
	shutDown     bool
	invalid      int64
	reported     int64 // of invalid, by a flush
}

var _ sdkmetric.Reader = (*Reader)(nil)

// NewReader returns a reader whose background export is on.
func NewReader(c Config) *Reader {
	r := &Reader{ManualReader: sdkmetric.NewManualReader(c.Options...), config: c, final: make(chan struct{})}
	r.SetBackgroundExport(true)
	return r
}

// Flush collects if a collection is due, and delivers all data points.
func (r *Reader) Flush(ctx context.Context) error {
	if ctx.Err() == nil && r.begin(false) {
		r.collect(ctx)
	}
	return r.deliver(ctx, r.config.Queue.Flush)
}

// ForceFlush collects and delivers all data points.
func (r *Reader) ForceFlush(ctx context.Context) error {
	if ctx.Err() == nil && r.begin(true) {
		r.collect(ctx)
	}
	return r.deliver(ctx, r.config.Queue.Flush)
}

// Shutdown collects for the last time and shuts the queue down. It does not collect if a ForceFlush has done so since
// SetExitDeadline: between the two the process only ends.
func (r *Reader) Shutdown(ctx context.Context) error {
	if r.beginLast() {
		if ctx.Err() == nil {
			r.collect(ctx)
		}
		close(r.final)
	}
	select {
	case <-r.final:
	case <-ctx.Done():
	}
	return r.deliver(ctx, r.config.Queue.Shutdown)
}

// deliver makes a call of the queue, and adds the error about invalid points.
func (r *Reader) deliver(ctx context.Context, call func(context.Context) error) error {
	err := call(ctx)
	r.mu.Lock()
	n := r.invalid - r.reported
	r.reported += n
	r.mu.Unlock()
	if n == 0 {
		return err
	}
	return errors.Join(r.config.DropError(delivery.Dropped{Invalid: n}, nil), err)
}

// Pending returns how many data points are pending. A collection that is due counts as one.
func (r *Reader) Pending() (n int, flushNow bool) {
	n, flushNow = r.config.Queue.Pending()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dueLocked(time.Now()) && !r.hangs {
		n++
	}
	return n, flushNow || r.invalid > r.reported
}

// Stats returns the counts of data points.
func (r *Reader) Stats() delivery.Stats {
	st := r.config.Queue.Stats()
	r.mu.Lock()
	defer r.mu.Unlock()
	st.Ended += r.invalid
	st.Dropped.Invalid += r.invalid
	return st
}

// SetExitDeadline tells the reader that the process exits at t; the zero time takes that back.
func (r *Reader) SetExitDeadline(t time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exitDeadline, r.collected = t, false
}

// SetBackgroundExport switches the collection by timer on or off, with the export of its points.
func (r *Reader) SetBackgroundExport(on bool) {
	r.config.Queue.SetBackgroundExport(on)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !on:
		r.stopTimerLocked()
	case r.timer == nil && !r.shutDown:
		r.timer = time.AfterFunc(r.config.Interval, r.onTimer)
	}
}

func (r *Reader) stopTimerLocked() {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}

// onTimer collects unless a flush has done so since, and sets the timer again.
func (r *Reader) onTimer() {
	if r.begin(false) {
		r.collect(context.Background())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer != nil {
		r.timer.Reset(max(r.config.Interval-since(r.last), time.Millisecond))
	}
}

// begin records the beginning of a collection, and reports false if none may begin or, unless it is forced, none is due.
func (r *Reader) begin(forced bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.shutDown || !forced && !r.dueLocked(now) {
		return false
	}
	r.last = now.Round(0) // only the wall clock counts a freeze for certain
	r.collected = forced
	return true
}

// beginLast is begin for Shutdown. No other collection begins after it.
func (r *Reader) beginLast() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shutDown {
		return false
	}
	r.shutDown = true
	r.stopTimerLocked()
	if r.collected && time.Now().Before(r.exitDeadline) {
		close(r.final)
		return false
	}
	return true
}

// dueLocked reports whether a flush collects. If the clock has been set back, it does.
func (r *Reader) dueLocked(now time.Time) bool {
	if r.shutDown {
		return false
	}
	passed := now.Round(0).Sub(r.last)
	return r.config.EachFlush || r.last.IsZero() || passed >= r.config.Interval || passed < 0
}

// since returns the time since t by the wall clock, at least 0.
func since(t time.Time) time.Duration { return max(time.Now().Round(0).Sub(t), 0) }

// collect makes a collection. It returns after half of the time that ctx has, so that the export has the rest, or after the
// timeout. A collection that is left behind still pushes its points if it ends. While it hangs, no other begins.
func (r *Reader) collect(ctx context.Context) {
	limit := r.config.Timeout
	if end, ok := ctx.Deadline(); ok {
		if half := time.Until(end) / 2; limit <= 0 || half < limit {
			limit = half
		}
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	err := r.collection.Call(ctx, 0, r.run)
	switch err { //nolint:errorlint // package bounded does not wrap them
	case nil:
	case bounded.ErrNotReturned, bounded.ErrStillRunning:
		r.leftBehind(err == bounded.ErrStillRunning || limit >= hangTime) //nolint:errorlint // the same
	default:
		r.config.Report(fmt.Errorf("collect metrics: %w", err))
	}
}

// hangTime is how long a collection runs at least before it counts as one that hangs. One that a flush has no time for does not.
const hangTime = 100 * time.Millisecond

// leftBehind records that a collection runs on. If it hangs, it reports that once.
func (r *Reader) leftBehind(hangs bool) {
	r.mu.Lock()
	r.hangs = true
	report := hangs && !r.hangReported
	r.hangReported = r.hangReported || hangs
	r.mu.Unlock()
	if report {
		r.config.Report(errors.New("collect metrics: a callback of an instrument, or a producer, does not return; no metrics are " +
			"collected until it does (it must not wait)"))
	}
}

// run collects and pushes. The SDK returns an error of a callback together with the data of all others, and has forgotten these
// data. So they are pushed in any case.
func (r *Reader) run(ctx context.Context) error {
	defer func() {
		r.mu.Lock()
		r.hangs = false
		r.mu.Unlock()
	}()
	r.rm.Resource, r.rm.ScopeMetrics = nil, r.rm.ScopeMetrics[:0]
	errs := []error{r.ManualReader.Collect(ctx, &r.rm)}
	if r.rm.Resource == nil { // the SDK did not collect
		return errs[0]
	}
	all := metricdata.ResourceMetrics{Resource: r.rm.Resource, ScopeMetrics: r.rm.ScopeMetrics[:len(r.rm.ScopeMetrics):len(r.rm.ScopeMetrics)]}
	for _, p := range r.config.Producers {
		produced, err := produce(ctx, p)
		all.ScopeMetrics = append(all.ScopeMetrics, produced...)
		errs = append(errs, err)
	}
	invalid, err := r.config.Push(&all)
	r.mu.Lock()
	r.invalid += int64(invalid)
	r.mu.Unlock()
	return errors.Join(append(errs, err)...)
}

// produce calls a producer, which may panic.
func produce(ctx context.Context, p sdkmetric.Producer) (produced []metricdata.ScopeMetrics, err error) {
	if panicked := bounded.Protect(func() { produced, err = p.Produce(ctx) }); panicked != nil {
		return nil, fmt.Errorf("producer: %w", panicked)
	}
	return produced, err
}
