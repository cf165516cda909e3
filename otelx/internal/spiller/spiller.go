// Package spiller ends a queue: it flushes, and spills the spans that the flush could not deliver.
package spiller

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otlp"
	"github.com/epilogue-go/epilogue/internal/spill"
	"github.com/epilogue-go/epilogue/otelx/internal/traces"
)

// spillTimeout limits a spill whose context has no deadline.
const spillTimeout = time.Second

// Spiller writes undelivered spans as lines, each span once.
type Spiller struct {
	lines *spill.Writer
	queue *traces.Queue

	mu      sync.Mutex
	callers int  // of Shutdown that still flush
	begun   bool // Shutdown has begun to spill
	total   int  // spans found by spill
	spilled int  // of these
	err     error
	done    chan struct{} // closed at the end of Shutdown's spill
}

// New returns a Spiller of q that writes at most maxBytes to w; nil if w is nil. Methods of a nil Spiller spill nothing.
func New(q *traces.Queue, w io.Writer, maxBytes int) *Spiller {
	if w == nil {
		return nil
	}
	return &Spiller{lines: spill.NewWriter(w, maxBytes), queue: q, done: make(chan struct{})}
}

// Pending spills the pending spans until ctx ends, and returns how many.
func (s *Spiller) Pending(ctx context.Context) int {
	if s == nil {
		return 0
	}
	before := s.count()
	s.spill(ctx)
	return s.count() - before
}

// count returns how many spans are spilled.
func (s *Spiller) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spilled
}

// Shutdown shuts q down in a part of the time that ctx has, and spills the rest of the spans in the rest of the time. Callers share
// one spill, after the last flush.
func (s *Spiller) Shutdown(ctx context.Context, q *traces.Queue) error {
	if s == nil {
		return q.Shutdown(ctx)
	}
	s.mu.Lock()
	s.callers++
	s.mu.Unlock()
	flush, cancel := withReserve(ctx)
	err := q.Shutdown(flush)
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

// spill writes the pending spans until ctx ends. It first waits a moment for the flush under way: its requests are
// canceled, and most often their results are known soon.
func (s *Spiller) spill(ctx context.Context) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, spillTimeout)
		defer cancel()
	}
	end, _ := ctx.Deadline()
	s.awaitFlush(time.Until(end) / 3)
	_, err := s.queue.Spill(func(spans []sdktrace.ReadOnlySpan, spilled func(from, to int)) error {
		s.mu.Lock()
		s.total = s.spilled + len(spans)
		s.mu.Unlock()
		return spill.Write(ctx, s.lines, otlp.NewSpanLineEncoder(), spans, func(from, to int) {
			spilled(from, to)
			s.mu.Lock()
			s.spilled += to - from
			s.mu.Unlock()
		})
	})
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
}

// awaitFlush waits for the end of the flush under way, at most for d.
func (s *Spiller) awaitFlush(d time.Duration) {
	flush := s.queue.Idle()
	if flush == nil {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-flush:
	case <-timer.C:
	}
}

// result returns the error of a caller of Shutdown whose flush returned err.
func (s *Spiller) result(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total == 0 {
		return err
	}
	said := fmt.Errorf("spill: %d of %d spans written", s.spilled, s.total)
	if s.err != nil {
		said = fmt.Errorf("%w: %w", said, s.err)
	}
	if err == nil {
		return said
	}
	return fmt.Errorf("%w; %w", err, said)
}
