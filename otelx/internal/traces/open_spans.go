package traces

import (
	"sort"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// maxOpenTime is how long an open span keeps its place in a full table. It is a function's longest timeout (AWS Lambda
// Developer Guide, "Lambda quotas"). Otherwise a program that does not end each of its spans would fill the table
// permanently.
const maxOpenTime = 15 * time.Minute

// openSpans is the table of the sampled spans that have started and not ended, up to a bound. A span that starts when
// the table is full is not known, unless another one has been open for longer than maxOpenTime.
//
// While it holds its lock, the table asks a span for nothing that takes the span's own lock: the SDK holds that lock
// while it formats a panic's value with methods of the program, which may not return.
type openSpans struct {
	bound int

	mu     sync.Mutex
	spans  map[spanKey]openSpan
	added  uint64    // spans so far
	open   int       // spans that have started and not ended, those that are not known included
	oldest time.Time // no span in the table started before it
}

// spanKey identifies a span. An ID generator may repeat span ids in different traces.
type spanKey struct {
	trace trace.TraceID
	span  trace.SpanID
}

type openSpan struct {
	sdktrace.ReadWriteSpan
	start  time.Time
	number uint64 // in the order of their starts
}

func newOpenSpans(bound int) openSpans {
	return openSpans{bound: bound, spans: make(map[spanKey]openSpan)}
}

func keyOf(sc trace.SpanContext) spanKey { return spanKey{sc.TraceID(), sc.SpanID()} }

// add enters a span that has started.
func (o *openSpans) add(s sdktrace.ReadWriteSpan) {
	start := s.StartTime() // takes the span's lock, which only its creator can hold now
	key := keyOf(s.SpanContext())
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open++
	if len(o.spans) >= o.bound && !o.evict() {
		return
	}
	o.added++
	o.spans[key] = openSpan{s, start, o.added}
	if len(o.spans) == 1 || start.Before(o.oldest) {
		o.oldest = start
	}
}

// evict removes the spans that have been open for longer than maxOpenTime, and reports whether there were any.
func (o *openSpans) evict() bool {
	limit := time.Now().Add(-maxOpenTime)
	if !o.oldest.Before(limit) {
		return false
	}
	before := len(o.spans)
	o.oldest = time.Now()
	for key, s := range o.spans {
		switch {
		case s.start.Before(limit):
			delete(o.spans, key)
		case s.start.Before(o.oldest):
			o.oldest = s.start
		}
	}
	return len(o.spans) < before
}

// remove removes a span that has ended.
func (o *openSpans) remove(sc trace.SpanContext) {
	key := keyOf(sc)
	o.mu.Lock()
	o.open--
	delete(o.spans, key)
	o.mu.Unlock()
}

// count returns how many spans have started and not ended.
func (o *openSpans) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.open
}

// list returns the open spans in the order of their starts, so a parent comes before its children.
func (o *openSpans) list() []sdktrace.ReadWriteSpan {
	o.mu.Lock()
	known := make(byNumber, 0, len(o.spans))
	for _, s := range o.spans {
		known = append(known, s)
	}
	o.mu.Unlock()
	sort.Sort(known)
	spans := make([]sdktrace.ReadWriteSpan, len(known))
	for i, s := range known {
		spans[i] = s.ReadWriteSpan
	}
	return spans
}

// byNumber sorts spans by the order of their starts. It is a sort.Interface because slices.SortFunc adds 8 KB to a
// function's binary.
type byNumber []openSpan

func (s byNumber) Len() int           { return len(s) }
func (s byNumber) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s byNumber) Less(i, j int) bool { return s[i].number < s[j].number }
