package otelx

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// reportEvery is the shortest time between two reports of the same kind.
const reportEvery = time.Minute

// DropError reports spans that were lost since the last flush that could report them. Exactly one ForceFlush or Shutdown
// returns it.
type DropError struct {
	// Dropped counts them by reason.
	Dropped Dropped
	// Cause is what the backend said about it last; nil if it said nothing.
	Cause error
}

// Error lists the counts.
func (e *DropError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d spans dropped:", e.Dropped.Total())
	for i, r := range e.Dropped.reasons() {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %d %s", r.Count, r.Words)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, " (%v)", e.Cause)
	}
	return b.String()
}

// Unwrap returns Cause.
func (e *DropError) Unwrap() error { return e.Cause }

// reporter reports background failures to otel.Handle without flooding a log during an outage.
type reporter struct {
	handler errorHandler

	mu       sync.Mutex
	failures limiter
	remarks  limiter
	hints    map[string]bool // reported, by key
}

func newReporter() *reporter {
	return &reporter{handler: newErrorHandler(), hints: map[string]bool{}}
}

// limiter lets one error pass in reportEvery.
type limiter struct {
	next    time.Time
	skipped int
}

func (l *limiter) pass(err error) error {
	now := time.Now()
	if now.Before(l.next) {
		l.skipped++
		return nil
	}
	if l.skipped > 0 {
		err = fmt.Errorf("%w (%d more since the last report)", err, l.skipped)
	}
	*l = limiter{next: now.Add(reportEvery)}
	return err
}

// failure reports a failed export without a waiting caller.
func (r *reporter) failure(err error) {
	r.mu.Lock()
	err = r.failures.pass(err)
	r.mu.Unlock()
	r.handler.handle(err)
}

// remark reports what the backend said about a request that it accepted. Its words may differ each time, by a count or an
// id, so they are no reason to report it sooner.
func (r *reporter) remark(err error) {
	r.mu.Lock()
	err = r.remarks.pass(err)
	r.mu.Unlock()
	r.handler.handle(err)
}

// maxHints is how many hints an SDK reports: a hint with an id in its words is another one each time.
const maxHints = 32

// hint reports an error that tells the user how to prevent it, once for each key.
func (r *reporter) hint(key string, err error) {
	r.mu.Lock()
	known := r.hints[key] || len(r.hints) == maxHints
	if !known {
		r.hints[key] = true
	}
	r.mu.Unlock()
	if !known {
		r.handler.handle(fmt.Errorf("export spans: %w", err))
	}
}
