package faults

import (
	"fmt"
	"sync"
	"time"
)

const (
	// reportEvery is the shortest time between two reports of the same kind.
	reportEvery = time.Minute
	// maxHints is how many hints a Reporter reports: a hint with an id in its words is another one each time.
	maxHints = 32
)

// Reporter reports faults of the export of one signal without flooding a log during an outage.
type Reporter struct {
	handler *Handler
	items   string // spans, for example

	mu       sync.Mutex
	failures limiter
	remarks  limiter
	hints    map[string]bool // reported, by key
}

// NewReporter returns a Reporter of one signal, whose messages name its items.
func NewReporter(handler *Handler, items string) *Reporter {
	return &Reporter{handler: handler, items: items, hints: map[string]bool{}}
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

// Failure reports a failed export without a waiting caller, at most once a minute.
func (r *Reporter) Failure(err error) {
	r.mu.Lock()
	err = r.failures.pass(err)
	r.mu.Unlock()
	r.handler.Handle(err)
}

// PartialSuccess reports a remark of the backend about a request that it accepted, at most once a minute. Its words may differ
// each time, by a count or an id, so they are no reason to report it sooner.
func (r *Reporter) PartialSuccess(err error) {
	r.mu.Lock()
	err = r.remarks.pass(err)
	r.mu.Unlock()
	r.handler.Handle(err)
}

// Hint reports an error that tells the user how to prevent it, once for each key.
func (r *Reporter) Hint(key string, err error) {
	r.mu.Lock()
	known := r.hints[key] || len(r.hints) == maxHints
	if !known {
		r.hints[key] = true
	}
	r.mu.Unlock()
	if !known {
		r.handler.Handle(fmt.Errorf("export %s: %w", r.items, err))
	}
}
