package otelx

import (
	"encoding/binary"
	"math/bits"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	// forgottenAfter is for how long an open span is known before it gives way to others. Programs that do not end each of
	// their spans would else fill openSpans for good, and none that starts later would be known.
	forgottenAfter = 15 * time.Minute
	// leastSlots is how many slots openSpans has at first; a power of two.
	leastSlots = 64
)

// openSpans knows the sampled spans that have started and not ended, up to a bound, by their ids. It asks no span for more
// than its SpanContext, which takes no lock: the SDK holds that of a span that ends while it makes text of what a program has
// panicked with, by methods of the program's own, which may not return.
//
// It is a hash table with linear probing, at most half full; a map takes five times as long for a span that comes and goes.
type openSpans struct {
	bound  int
	made   time.Time
	before time.Duration // what came until then was there before this round
	latest time.Duration // what has come has come until then
	slots  []openSpan    // a power of two; empty where span is nil
	n      int
}

type openSpan struct {
	id   uint64
	span sdktrace.ReadWriteSpan
	came time.Duration // after openSpans was made; of no two the same
}

func newOpenSpans(bound int) openSpans {
	return openSpans{bound: bound, made: time.Now(), slots: make([]openSpan, leastSlots)}
}

// mark begins a round: spans are added, those that have ended meanwhile are removed, and what is too much is trimmed.
func (o *openSpans) mark() {
	o.before = o.latest
	o.latest = max(o.latest, time.Since(o.made))
}

// add takes in a span that has started.
func (o *openSpans) add(s sdktrace.ReadWriteSpan) {
	if sc := s.SpanContext(); sc.IsSampled() {
		o.latest++
		o.put(openSpan{id: idOf(sc), span: s, came: o.latest})
	}
}

// idOf is one number for the ids of a span and of its trace: those of a trace's spans differ as their ids do, and those of
// several traces by what the traces' ids come to when their halves are multiplied. A generator of the program's own may make
// the same span ids in each trace.
func idOf(sc trace.SpanContext) uint64 {
	id, of := sc.SpanID(), sc.TraceID()
	high, low := bits.Mul64(binary.NativeEndian.Uint64(of[:])^golden, binary.NativeEndian.Uint64(of[8:])^golden)
	return (high ^ low) + binary.NativeEndian.Uint64(id[:])
}

// golden is 2^64 divided by the golden ratio.
const golden = 0x9E3779B97F4A7C15

func (o *openSpans) put(s openSpan) {
	if 2*o.n >= len(o.slots) {
		o.grow()
	}
	at := o.find(s.id)
	if o.slots[at].span == nil {
		o.n++
	}
	o.slots[at] = s
}

func (o *openSpans) grow() {
	old := o.slots
	o.slots = make([]openSpan, 2*len(old))
	for _, s := range old {
		if s.span != nil {
			o.slots[o.find(s.id)] = s
		}
	}
}

// find returns the slot of the span with that id, or the empty one in which it would be.
func (o *openSpans) find(id uint64) int {
	at := o.home(id)
	for o.slots[at].span != nil && o.slots[at].id != id {
		at = o.after(at)
	}
	return at
}

// home is the slot that a span with that id is in, or in one that follows, without an empty one between. Ids need not be
// random: the multiplication spreads what a generator of the program's own counts up.
func (o *openSpans) home(id uint64) int {
	return int(id * golden >> (bits.LeadingZeros64(uint64(len(o.slots))) + 1))
}

func (o *openSpans) after(at int) int { return (at + 1) & (len(o.slots) - 1) }

// remove forgets the span with that context, if it is known.
func (o *openSpans) remove(sc trace.SpanContext) { o.empty(o.find(idOf(sc))) }

// empty empties a slot, and has those that follow move up that it was in the way of.
func (o *openSpans) empty(gap int) {
	if o.slots[gap].span == nil {
		return
	}
	o.n--
	for at := o.after(gap); o.slots[at].span != nil; at = o.after(at) {
		mask := len(o.slots) - 1
		if (at-o.home(o.slots[at].id))&mask >= (at-gap)&mask {
			o.slots[gap], gap = o.slots[at], at
		}
	}
	o.slots[gap] = openSpan{}
}

// trim forgets what is beyond the bound: spans that are known for too long, and if these do not suffice, the latest.
func (o *openSpans) trim() {
	if o.n <= o.bound {
		return
	}
	long := time.Since(o.made) - forgottenAfter
	o.trimIf(func(s *openSpan) bool { return s.came < long })
	o.trimIf(func(s *openSpan) bool { return s.came > o.before })
}

// trimIf forgets spans that may go, until no more than the bound are left.
func (o *openSpans) trimIf(mayGo func(*openSpan) bool) {
	for at := 0; at < len(o.slots) && o.n > o.bound; {
		if s := &o.slots[at]; s.span != nil && mayGo(s) {
			o.empty(at) // and look at what has moved up
			continue
		}
		at++
	}
}

// list returns what is open, in no order.
func (o *openSpans) list() []openSpan {
	known := make([]openSpan, 0, o.n)
	for _, s := range o.slots {
		if s.span != nil {
			known = append(known, s)
		}
	}
	return known
}

// oldestFirst orders spans by their starts, and those of one moment by when they came: but for what has come through several
// lanes at once, a parent is before its children. It is for sort.Sort, which a function's binary has already:
// slices.SortFunc is compiled once more for each type of its own, into 8 KB.
type oldestFirst []openSpan

func (s oldestFirst) Len() int      { return len(s) }
func (s oldestFirst) Swap(i, j int) { s[i], s[j] = s[j], s[i] }

func (s oldestFirst) Less(i, j int) bool {
	order := s[i].span.StartTime().Compare(s[j].span.StartTime())
	return order < 0 || order == 0 && s[i].came < s[j].came
}
