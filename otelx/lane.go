package otelx

import (
	"sync"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// cacheLines is how far apart what different cores write has to lie: two lines, since they are fetched in pairs.
const cacheLines = 128

// lane is spans that were put down one after the other.
type lane struct {
	mu      sync.Mutex
	started pile[sdktrace.ReadWriteSpan]
	ended   pile[sdktrace.ReadOnlySpan]

	at    int32                   // among the lanes
	rest  []sdktrace.ReadOnlySpan // what ends has not come to yet
	front time.Time               // when the first of rest has ended
	_     [cacheLines]byte
}

// look notes when the first of the rest has ended.
func (l *lane) look() {
	if len(l.rest) > 0 {
		l.front = l.rest[0].EndTime()
	}
}

// await sets with how many spans the lane is due.
func (l *lane) await(starts, ends int) {
	l.started.due.Store(int64(starts))
	l.ended.due.Store(int64(ends))
}

// pile is the spans of one kind in a lane. Whoever has the lane's lock may put, and take with the lock of the lanes' owner
// besides, under which all else is done.
type pile[S any] struct {
	spans []S
	due   atomic.Int64 // with so many, who puts the last down has to see to it that they are taken
	taken []S
}

func (p *pile[S]) put(s S) (due bool) {
	p.spans = append(p.spans, s)
	return int64(len(p.spans)) >= p.due.Load()
}

// take moves spans to taken, which has been let go, and returns how many.
func (p *pile[S]) take() int {
	n := len(p.spans)
	if n > 0 {
		p.spans, p.taken = p.taken, p.spans
		p.due.Store(max(p.due.Load()-int64(n), 1))
	}
	return n
}

// letGo forgets what was taken, and keeps its memory.
func (p *pile[S]) letGo() {
	clear(p.taken)
	p.taken = p.taken[:0]
}
