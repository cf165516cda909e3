// Package spiller ends queues: it flushes, and spills the items that the flush could not deliver.
package spiller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/internal/spill"
)

// spillTimeout limits a spill whose context has no deadline.
const spillTimeout = time.Second

// Spiller writes undelivered items of its queues as lines, each item once.
type Spiller struct {
	lines  *spill.Writer
	queues []Queue

	mu      sync.Mutex
	callers int      // of Shutdown that still flush
	begun   bool     // Shutdown has begun to spill
	counts  []counts // of each queue
	err     error
	done    chan struct{} // closed at the end of Shutdown's spill
}

// counts of one queue.
type counts struct {
	total   int // items found by spill
	spilled int // of these
}

// New returns a Spiller that writes at most maxBytes to w in all, the items of the first queue first; nil if w is nil. Methods of
// a nil Spiller spill nothing.
func New(w io.Writer, maxBytes int, queues ...Queue) *Spiller {
	if w == nil {
		return nil
	}
	return &Spiller{
		lines: spill.NewWriter(w, maxBytes), queues: queues, counts: make([]counts, len(queues)), done: make(chan struct{}),
	}
}

// Pending spills the pending items until ctx ends, and returns how many.
func (s *Spiller) Pending(ctx context.Context) int {
	if s == nil {
		return 0
	}
	before := s.count()
	s.spill(ctx)
	return s.count() - before
}

// count returns how many items are spilled.
func (s *Spiller) count() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.counts {
		n += c.spilled
	}
	return n
}

// Shutdown calls shutdown, which shuts the queues down, with a part of the time that ctx has, and spills the rest of the items in
// the rest of the time. Callers share one spill, after the last flush.
func (s *Spiller) Shutdown(ctx context.Context, shutdown func(context.Context) error) error {
	if s == nil {
		return shutdown(ctx)
	}
	s.mu.Lock()
	s.callers++
	s.mu.Unlock()
	flush, cancel := withReserve(ctx)
	err := shutdown(flush)
	cancel()
	s.leave(ctx)
	select {
	case <-s.done:
		return s.result(err)
	default:
	}
	select {
	case <-s.done:
	case <-ctx.Done():
	}
	return s.result(err)
}

// withReserve returns a context that ends before ctx by the time that a spill may need.
func withReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-reserve(time.Until(end))))
}

// reserve is a quarter of left, at most 250 ms. If left is short, as that of a function's Shutdown after a flush that used
// up the time, reserve is up to half of it: a backend that did not answer before will hardly do so now, and a small function
// has little CPU to encode with.
func reserve(left time.Duration) time.Duration {
	return max(0, min(left/4, 250*time.Millisecond), min(left/2, 25*time.Millisecond))
}

// leave counts out a caller of Shutdown that has flushed. The last one spills, in the time that its ctx has.
func (s *Spiller) leave(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callers--
	if s.callers > 0 || s.begun || ctx.Err() != nil {
		return
	}
	s.begun = true
	go func() {
		defer close(s.done)
		s.spill(ctx)
	}()
}

// spill writes the pending items until ctx ends. It first waits a moment for the flushes under way: their requests are
// canceled, and most often their results are known soon.
func (s *Spiller) spill(ctx context.Context) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, spillTimeout)
		defer cancel()
	}
	end, _ := ctx.Deadline()
	s.awaitFlushes(time.Until(end) / 3)
	var errs []error
	for i, q := range s.queues {
		add := func(change func(*counts)) {
			s.mu.Lock()
			defer s.mu.Unlock()
			change(&s.counts[i])
		}
		errs = append(errs, q.spill(ctx, s.lines,
			func(n int) { add(func(c *counts) { c.total = c.spilled + n }) },
			func(n int) { add(func(c *counts) { c.spilled += n }) }))
	}
	s.mu.Lock()
	s.err = errors.Join(errs...)
	s.mu.Unlock()
}

// awaitFlushes waits for the ends of the flushes under way, at most for d.
func (s *Spiller) awaitFlushes(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for _, q := range s.queues {
		flush := q.idle()
		if flush == nil {
			continue
		}
		select {
		case <-flush:
		case <-timer.C:
			return
		}
	}
}

// result returns the error of a caller of Shutdown whose flush returned err.
func (s *Spiller) result(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var parts []string
	for i, c := range s.counts {
		if c.total > 0 {
			parts = append(parts, fmt.Sprintf("%d of %d %s", c.spilled, c.total, s.queues[i].items))
		}
	}
	if parts == nil {
		return err
	}
	said := fmt.Errorf("spill: %s written", strings.Join(parts, ", "))
	if s.err != nil {
		said = fmt.Errorf("%w: %w", said, s.err)
	}
	if err == nil {
		return said
	}
	return fmt.Errorf("%w; %w", err, said)
}
