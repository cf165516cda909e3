package otelx

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/otlp"
	"github.com/epilogue-go/epilogue/internal/spill"
)

const (
	spillKey      = "EPILOGUE_SPILL"
	spillBytesKey = "EPILOGUE_SPILL_MAX_BYTES"

	// spillTimeout limits a spill whose context has no deadline.
	spillTimeout = time.Second
)

// spiller writes what the last flush could not deliver, each span once.
type spiller struct {
	w     io.Writer
	lines *spill.Writer
	queue *queue

	mu      sync.Mutex
	callers int  // of shutdown that still flush
	begun   bool // shutdown has begun to spill
	total   int  // spans found by spill
	spilled int  // of these
	err     error
	done    chan struct{} // closed at the end of shutdown's spill
}

// newSpiller returns nil if nothing is to be spilled.
func (c *config) newSpiller(env *otelenv.Reader, q *queue) *spiller {
	w := c.chosen.spill
	chosen := env.Choice([]string{"none", "stderr"}, "", spillKey)
	switch {
	case w != nil:
	case chosen == "stderr":
		w = os.Stderr
	case chosen == "":
		w = c.fallback.spill
	}
	maxBytes := env.Int(1, otelenv.MaxInt, spill.DefaultMaxBytes, spillBytesKey)
	if w == nil {
		return nil
	}
	return newSpillerTo(w, maxBytes, q)
}

func newSpillerTo(w io.Writer, maxBytes int, q *queue) *spiller {
	return &spiller{w: w, lines: spill.NewWriter(w, maxBytes), queue: q, done: make(chan struct{})}
}

// pending spills the pending spans until ctx ends, and returns how many.
func (s *spiller) pending(ctx context.Context, l *loop) int {
	if s == nil {
		return 0
	}
	before := s.count()
	s.spill(ctx, l.landing())
	return s.count() - before
}

// count returns how many spans are spilled.
func (s *spiller) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spilled
}

// shutdown runs l.shutdown in a part of the time that ctx has, and spills the rest of the spans in the rest of the time.
func (s *spiller) shutdown(ctx context.Context, l *loop) error {
	if s == nil {
		return l.shutdown(ctx)
	}
	s.mu.Lock()
	s.callers++
	s.mu.Unlock()
	flush, cancel := withReserve(ctx)
	err := l.shutdown(flush)
	cancel()
	s.leave(ctx, l)
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

// leave counts out a caller of shutdown that has flushed. The last one spills, in the time that its ctx has.
func (s *spiller) leave(ctx context.Context, l *loop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callers--
	if s.callers > 0 || s.begun || ctx.Err() != nil {
		return
	}
	s.begun = true
	landing := l.landing()
	go func() {
		defer close(s.done)
		s.spill(ctx, landing)
	}()
}

// landing returns a channel that is closed at the end of the run under way; nil if there is none.
func (l *loop) landing() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.run == nil {
		return nil
	}
	return l.run.done
}

// spill writes the pending spans until ctx ends. It first waits a moment for landing: the requests of that run are
// canceled, and most often their results are known soon.
func (s *spiller) spill(ctx context.Context, landing <-chan struct{}) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, spillTimeout)
		defer cancel()
	}
	if landing != nil {
		end, _ := ctx.Deadline()
		wait := time.NewTimer(time.Until(end) / 3)
		defer wait.Stop()
		select {
		case <-landing:
		case <-wait.C:
		}
	}
	spans, numbers := s.queue.leftovers()
	s.mu.Lock()
	s.total = s.spilled + len(spans)
	s.mu.Unlock()
	err := spill.Write(ctx, s.lines, new(otlp.LineEncoder), spans, func(from, to int) {
		s.queue.spill(numbers[from:to])
		s.mu.Lock()
		s.spilled += to - from
		s.mu.Unlock()
	})
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
}

// result returns the error of a caller of shutdown whose flush returned err.
func (s *spiller) result(err error) error {
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

// leftovers returns the pending spans and their numbers, the oldest first.
func (q *queue) leftovers() (spans []sdktrace.ReadOnlySpan, numbers []uint64) {
	q.lock()
	defer q.unlock()
	batches := append(slices.Concat(q.waiting, q.flying), q.fresh)
	slices.SortFunc(batches, func(a, b *batch) int { return cmp.Compare(a.oldest(), b.oldest()) })
	for _, b := range batches {
		for i, span := range b.live() {
			if number := b.oldest() + uint64(i); !b.isSpilled(number) { //nolint:gosec // an index
				spans, numbers = append(spans, span), append(numbers, number)
			}
		}
	}
	return spans, numbers
}

// spill takes the spans with these numbers, in ascending order, out of the queue. It counts only those that are still
// pending. A span in flight is counted as spilled at once; its request goes on.
func (q *queue) spill(numbers []uint64) {
	q.lock()
	defer q.unlock()
	for _, b := range q.flying {
		n := b.spill(numbers)
		q.flies -= n
		q.stats.Spilled += int64(n)
	}
	waiting := q.waiting
	if len(q.fresh.live()) > 0 {
		waiting, q.fresh = append(slices.Clone(waiting), q.fresh), &batch{}
	}
	q.waiting = nil
	for _, b := range waiting {
		n := b.spill(numbers)
		q.waits -= n
		q.stats.Spilled += int64(n)
		q.waiting = append(q.waiting, b.rest()...)
	}
}

// spill marks live spans as spilled and returns how many were not yet.
func (b *batch) spill(numbers []uint64) (n int) {
	for _, number := range numbers {
		if number >= b.oldest() && number < b.end() && !b.isSpilled(number) {
			b.spilled = append(b.spilled, number)
			n++
		}
	}
	slices.Sort(b.spilled)
	return n
}

func (b *batch) isSpilled(number uint64) bool {
	_, found := slices.BinarySearch(b.spilled, number)
	return found
}

// spilledBelow returns how many spans with a number from the oldest live one up to below end are spilled.
func (b *batch) spilledBelow(end uint64) (n int) {
	for _, number := range b.spilled {
		if number >= b.oldest() && number < end {
			n++
		}
	}
	return n
}

// rest returns the live spans of b that are not spilled, as batches of successive numbers.
func (b *batch) rest() (batches []*batch) {
	if len(b.spilled) == 0 {
		return []*batch{b}
	}
	var last *batch
	for i, span := range b.live() {
		number := b.oldest() + uint64(i) //nolint:gosec // an index
		switch {
		case b.isSpilled(number):
			last = nil
			continue
		case last == nil:
			last = &batch{first: number, strikes: b.strikes}
			batches = append(batches, last)
		}
		last.spans = append(last.spans, span)
	}
	return batches
}
