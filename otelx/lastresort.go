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

	"github.com/epilogue-go/epilogue/otelx/internal/otlp"
)

const (
	lastResortKey      = "EPILOGUE_LAST_RESORT"
	lastResortBytesKey = "EPILOGUE_LAST_RESORT_MAX_BYTES"

	// maxLineBytes bounds a line. An event of CloudWatch Logs had at most 256 KB until 2025, 1 MB since (Amazon
	// CloudWatch Logs User Guide, "CloudWatch Logs quotas"); what is longer is cut. Line and event have to fit where
	// the line is once more quoted inside an event.
	maxLineBytes = 200 << 10
	// lastResortBytes bounds all lines together, if EPILOGUE_LAST_RESORT_MAX_BYTES does not.
	lastResortBytes = 1 << 20
	// lastResortPatience is for the lines of a Shutdown without a deadline.
	lastResortPatience = time.Second
)

// lastResort writes what the last flush could not deliver, each span once.
type lastResort struct {
	w     io.Writer
	most  int // bytes of all lines together
	queue *queue

	turn chan struct{} // holds a token while write runs, which owns the next two
	from uint64        // spans with a lower number are written, or can not be
	used int           // bytes of the lines so far

	mu      sync.Mutex
	callers int  // of shutdown that have not done flushing
	begun   bool // by shutdown: write has been called
	total   int  // spans that write has found
	written int  // of these
	err     error
	done    chan struct{} // closed at the end of shutdown's write
}

// newLastResort returns nil for none.
func (c *config) newLastResort(env *environment, q *queue) *lastResort {
	w := c.chosen.lastResort
	chosen := env.choice([]string{"none", "stderr"}, "", lastResortKey)
	switch {
	case w != nil:
	case chosen == "stderr":
		w = os.Stderr
	case chosen == "":
		w = c.fallback.lastResort
	}
	most := env.integer(1, lastResortBytes, lastResortBytesKey)
	if w == nil {
		return nil
	}
	return &lastResort{w: w, most: most, queue: q, turn: make(chan struct{}, 1), done: make(chan struct{})}
}

// writeOut writes what is pending, until ctx ends, and returns how many spans it has written.
func (r *lastResort) writeOut(ctx context.Context, l *loop) int {
	if r == nil {
		return 0
	}
	before := r.count()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.write(ctx, l.landing())
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	return r.count() - before
}

// count returns how many spans are written.
func (r *lastResort) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.written
}

// shutdown is l.shutdown in a part of the time that ctx has, and what it could not deliver is written in the rest.
func (r *lastResort) shutdown(ctx context.Context, l *loop) error {
	if r == nil {
		return l.shutdown(ctx)
	}
	r.mu.Lock()
	r.callers++
	r.mu.Unlock()
	flush, cancel := withReserve(ctx)
	err := l.shutdown(flush)
	cancel()
	r.leave(ctx, l)
	select {
	case <-r.done:
		return r.verdict(err)
	default:
	}
	select {
	case <-r.done:
	case <-ctx.Done():
	}
	return r.verdict(err)
}

// withReserve returns a context that ends before ctx by the time that the lines may need.
func withReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-reserve(time.Until(end))))
}

// reserve is a quarter of left, but no more than a quarter of a second, which is plenty. Of a time as short as that of
// a function's Shutdown after a flush that has used its own up, it may be half: a backend that did not answer in that
// will hardly do so now, and a small function has little CPU to encode with.
func reserve(left time.Duration) time.Duration {
	return max(0, min(left/4, 250*time.Millisecond), min(left/2, 25*time.Millisecond))
}

// leave notes that a caller has done flushing. The last one has the lines written, in the time that its ctx has.
func (r *lastResort) leave(ctx context.Context, l *loop) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.callers--
	if r.callers > 0 || r.begun || ctx.Err() != nil {
		return
	}
	r.begun = true
	landing := l.landing()
	go func() {
		defer close(r.done)
		r.write(ctx, landing)
	}()
}

// landing returns what is closed at the end of the run under way; nil if there is none.
func (l *loop) landing() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.run == nil {
		return nil
	}
	return l.run.done
}

// write writes the lines until ctx ends. What is still being sent has had its context cancelled; most often its outcome
// is known a moment later.
func (r *lastResort) write(ctx context.Context, landing <-chan struct{}) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-r.turn }()
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, lastResortPatience)
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
	spans, numbers := r.queue.leftovers(r.from)
	r.mu.Lock()
	r.total = r.written + len(spans)
	r.mu.Unlock()
	err := r.writeLines(ctx, spans, numbers)
	r.mu.Lock()
	r.err = err
	r.mu.Unlock()
}

// writeLines writes spans, the first first, a Write for each line. It says why it has left some out.
func (r *lastResort) writeLines(ctx context.Context, spans []sdktrace.ReadOnlySpan, numbers []uint64) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	var encoder otlp.LineEncoder
	var line []byte
	tooLarge := 0
	for len(spans) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		left := r.most - r.used
		var n int
		line, n = encoder.AppendLine(line[:0], spans, min(maxLineBytes, left))
		switch {
		case n == 0 && left < maxLineBytes:
			return fmt.Errorf("%s is %d", lastResortBytesKey, r.most)
		case n == 0:
			tooLarge++
			n = 1
		default:
			if err := r.writeLine(line, n); err != nil {
				return err
			}
			r.used += len(line)
		}
		r.from = numbers[n-1] + 1
		spans, numbers = spans[n:], numbers[n:]
	}
	if tooLarge > 0 {
		return fmt.Errorf("%d too large for a line of %d bytes", tooLarge, maxLineBytes)
	}
	return nil
}

func (r *lastResort) writeLine(line []byte, spans int) error {
	n, err := r.w.Write(line)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return err
	}
	r.queue.noteWritten(spans)
	r.mu.Lock()
	r.written += spans
	r.mu.Unlock()
	return nil
}

// verdict is the error of a caller of shutdown, whose flush has said err.
func (r *lastResort) verdict(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.total == 0 {
		return err
	}
	said := fmt.Errorf("last resort: %d of %d spans written as lines", r.written, r.total)
	if r.err != nil {
		said = fmt.Errorf("%w: %w", said, r.err)
	}
	if err == nil {
		return said
	}
	return fmt.Errorf("%w; %w", err, said)
}

// leftovers returns the spans that are pending, but for those with a number below from, and their numbers, the oldest
// first.
func (q *queue) leftovers(from uint64) (spans []sdktrace.ReadOnlySpan, numbers []uint64) {
	q.lock()
	defer q.unlock()
	batches := append(slices.Concat(q.waiting, q.flying), q.fresh)
	slices.SortFunc(batches, func(a, b *batch) int { return cmp.Compare(a.oldest(), b.oldest()) })
	for _, b := range batches {
		for i, span := range b.live() {
			if number := b.oldest() + uint64(i); number >= from { //nolint:gosec // an index
				spans, numbers = append(spans, span), append(numbers, number)
			}
		}
	}
	return spans, numbers
}

// noteWritten enters n pending spans as written into the account.
func (q *queue) noteWritten(n int) {
	q.lock()
	defer q.unlock()
	q.stats.WrittenOut += int64(n)
}
