package otelx

import (
	"slices"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// batch is a run of spans. Its fields belong to the queue's lock, but for live while it is flying: only the goroutine
// that took it changes it then, through settle, under the lock.
type batch struct {
	first uint64 // number of spans[0]
	head  int    // spans before it are done with
	spans []sdktrace.ReadOnlySpan

	spilled []uint64 // numbers of live spans that have left the queue as lines, ascending

	strikes int // 1 once it has failed, and one more for each run in which it alone has; of who has taken it
}

func (b *batch) live() []sdktrace.ReadOnlySpan { return b.spans[b.head:] }

func (b *batch) oldest() uint64 { return b.first + uint64(b.head) }

// end is the number of the span that would follow.
func (b *batch) end() uint64 { return b.first + uint64(len(b.spans)) }

// absorb moves the first n live spans of next, which follow b's, to b's end.
func (b *batch) absorb(next *batch, n int) {
	if b.head > 0 {
		b.spans, b.first, b.head = slices.Delete(b.spans, 0, b.head), b.oldest(), 0
	}
	b.spans = append(b.spans, next.live()[:n]...)
	next.pass(n)
}

// pass is done with the first n live spans.
func (b *batch) pass(n int) {
	clear(b.spans[b.head : b.head+n])
	b.head += n
}
