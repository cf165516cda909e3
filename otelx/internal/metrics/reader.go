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
	"slices"
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
//	Flush, ForceFlush, Shutdown, timer ──▶ schedule ──start──▶ goroutine of a collection: run
//
// At most one collection runs at once. It runs callbacks of the program, which may fail, panic or hang. Its goroutine owns rm.
// No lock is held while a collection runs, and mu and the lock of the schedule are never held together.
type Reader struct {
	*sdkmetric.ManualReader

	config   Config
	schedule schedule
	rm       metricdata.ResourceMetrics
	final    chan struct{} // closed when the last collection is over

	mu       sync.Mutex  // guards the rest
	timer    *time.Timer // of the background; nil: off
	stopped  bool        // the timer stays off
	invalid  int64
	reported int64 // of invalid, by a flush
}

var _ sdkmetric.Reader = (*Reader)(nil)

// NewReader returns a reader whose background export is on.
func NewReader(c Config) *Reader {
	r := &Reader{
		ManualReader: sdkmetric.NewManualReader(c.Options...), config: c, final: make(chan struct{}),
		schedule: schedule{interval: c.Interval, eachFlush: c.EachFlush},
	}
	r.SetBackgroundExport(true)
	return r
}

// Flush collects if a collection is due, and delivers all data points.
func (r *Reader) Flush(ctx context.Context) error {
	return r.deliver(ctx, r.collect(ctx, byFlush), r.config.Queue.Flush)
}

// ForceFlush collects and delivers all data points. It returns an error if the collection fails or takes longer than half of
// the time that ctx has.
func (r *Reader) ForceFlush(ctx context.Context) error {
	return r.deliver(ctx, r.collect(ctx, byForceFlush), r.config.Queue.Flush)
}

// Shutdown collects for the last time and shuts the queue down. It first waits for a collection that runs. It does not collect if
// a ForceFlush has done so since SetExitDeadline: between the two the process only ends.
func (r *Reader) Shutdown(ctx context.Context) error {
	var err error
	if r.schedule.close() {
		r.stopTimer()
		err = r.collect(ctx, byShutdown)
		close(r.final)
	}
	select {
	case <-r.final:
	case <-ctx.Done():
	}
	return r.deliver(ctx, err, r.config.Queue.Shutdown)
}

// deliver makes a call of the queue. Its error has that of the collection and one about invalid points.
func (r *Reader) deliver(ctx context.Context, collected error, call func(context.Context) error) error {
	err := call(ctx)
	r.mu.Lock()
	n := r.invalid - r.reported
	r.reported += n
	r.mu.Unlock()
	if n > 0 {
		return errors.Join(collected, r.config.DropError(delivery.Dropped{Invalid: n}, nil), err)
	}
	if collected != nil {
		return errors.Join(collected, err)
	}
	return err
}

// Pending returns how many data points are pending. A collection that is due counts as one.
func (r *Reader) Pending() (n int, flushNow bool) {
	n, flushNow = r.config.Queue.Pending()
	if r.schedule.due() {
		n++
	}
	r.mu.Lock()
	defer r.mu.Unlock()
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
func (r *Reader) SetExitDeadline(t time.Time) { r.schedule.setExitDeadline(t) }

// SetBackgroundExport switches the collection by timer on or off, with the export of its points.
func (r *Reader) SetBackgroundExport(on bool) {
	r.config.Queue.SetBackgroundExport(on)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !on:
		r.stopTimerLocked()
	case r.timer == nil && !r.stopped:
		r.timer = time.AfterFunc(r.config.Interval, r.onTimer)
	}
}

// stopTimer switches the timer off for good.
func (r *Reader) stopTimer() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.stopTimerLocked()
}

func (r *Reader) stopTimerLocked() {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}

// onTimer collects unless a flush has done so since, and sets the timer again.
func (r *Reader) onTimer() {
	if err := r.collect(context.Background(), byFlush); err != nil {
		r.config.Report(err)
	}
	next := r.schedule.untilDue()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer != nil {
		r.timer.Reset(next)
	}
}

// collect makes a collection if by has to make one. It returns an error if no data were collected in its time, which is half of
// the time that ctx has, so that the export has the rest, or the timeout. A collection that ends later still pushes its points.
func (r *Reader) collect(ctx context.Context, by caller) error {
	if ctx.Err() != nil {
		return nil // the delivery returns its error
	}
	ctx, cancel := r.withLimit(ctx)
	defer cancel()
	for {
		decided, c := r.schedule.begin(by)
		switch decided {
		case skip, refuse:
			return r.withoutWait(decided, c)
		case start:
			bounded.Start(ctx, r.run, func(err error) { r.ended(c, err) })
		case wait:
		}
		select {
		case <-c.ended:
			if decided == start {
				return c.err
			}
		case <-ctx.Done():
			if decided == start {
				r.schedule.leave(c)
			}
			return r.withoutWait(refuse, c)
		}
	}
}

// withoutWait ends a call that does not wait for c (nil: none runs), and reports c if it hangs.
func (r *Reader) withoutWait(decided decision, c *collection) error {
	if c == nil {
		return nil
	}
	if err := r.schedule.hanging(c); err != nil {
		r.config.Report(err)
	}
	if decided == skip {
		return nil
	}
	select {
	case <-c.ended:
		return c.err
	default:
		return c.lateError()
	}
}

// withLimit returns ctx with the end of the time for a collection.
func (r *Reader) withLimit(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := r.config.Timeout
	if end, ok := ctx.Deadline(); ok {
		if half := time.Until(end) / 2; limit <= 0 || half < limit {
			return context.WithTimeout(ctx, max(half, 0))
		}
	}
	if limit <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}

// ended ends a collection. If its caller has left, its error is reported.
func (r *Reader) ended(c *collection, err error) {
	if err != nil {
		err = fmt.Errorf("collect metrics: %w", err)
	}
	if left := r.schedule.end(c, err); left && err != nil {
		r.config.Report(err)
	}
}

// run collects and pushes. It returns an error if the SDK has no data. Otherwise it reports the errors of callbacks and producers:
// the SDK returns an error of a callback together with the data of all others, and has forgotten these data.
func (r *Reader) run(ctx context.Context) error {
	r.rm.Resource, r.rm.ScopeMetrics = nil, r.rm.ScopeMetrics[:0]
	err := r.Collect(ctx, &r.rm)
	if r.rm.Resource == nil {
		return err
	}
	errs := []error{err}
	scopes := slices.Clip(r.rm.ScopeMetrics) // the SDK uses the array again
	for _, p := range r.config.Producers {
		produced, err := produce(ctx, p)
		scopes = append(scopes, produced...)
		errs = append(errs, err)
	}
	invalid, err := r.config.Push(&metricdata.ResourceMetrics{Resource: r.rm.Resource, ScopeMetrics: scopes})
	r.mu.Lock()
	r.invalid += int64(invalid)
	r.mu.Unlock()
	if err := errors.Join(append(errs, err)...); err != nil {
		r.config.Report(fmt.Errorf("collect metrics: %w", err))
	}
	return nil
}

// produce calls a producer, which may panic.
func produce(ctx context.Context, p sdkmetric.Producer) (produced []metricdata.ScopeMetrics, err error) {
	if panicked := bounded.Protect(func() { produced, err = p.Produce(ctx) }); panicked != nil {
		return nil, fmt.Errorf("producer: %w", panicked)
	}
	return produced, err
}
