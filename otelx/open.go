package otelx

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	maxShards  = 16
	perShard   = 64 // a shard for so many spans of the bound
	cacheLines = 128
)

// openSpans knows the sampled spans that have started and not ended, up to a bound; spans beyond it are not known. They are
// found by span id, since a span ends as another object (its snapshot) than it has started as.
type openSpans struct {
	shards []openShard // a power of two of them
	each   int         // bound of one
}

type openShard struct {
	mu    sync.Mutex
	spans map[uint64]sdktrace.ReadWriteSpan
	_     [cacheLines - 16]byte // two cores that start spans do not share a line
}

func newOpenSpans(bound int) *openSpans {
	n := 1
	for n < maxShards && n*2*perShard <= bound {
		n *= 2
	}
	o := &openSpans{shards: make([]openShard, n), each: bound / n}
	for i := range o.shards {
		o.shards[i].spans = map[uint64]sdktrace.ReadWriteSpan{}
	}
	return o
}

// shard chooses by the low bits, which a W3C or X-Ray span id has at random.
func (o *openSpans) shard(key uint64) *openShard { return &o.shards[key&uint64(len(o.shards)-1)] }

func key(id trace.SpanID) uint64 { return binary.BigEndian.Uint64(id[:]) }

func (o *openSpans) add(id trace.SpanID, s sdktrace.ReadWriteSpan) {
	k := key(id)
	sh := o.shard(k)
	sh.mu.Lock()
	if len(sh.spans) < o.each {
		sh.spans[k] = s
	}
	sh.mu.Unlock()
}

func (o *openSpans) remove(id trace.SpanID) {
	k := key(id)
	sh := o.shard(k)
	sh.mu.Lock()
	delete(sh.spans, k)
	sh.mu.Unlock()
}

// list returns a copy of what is open now.
func (o *openSpans) list() []sdktrace.ReadWriteSpan {
	var out []sdktrace.ReadWriteSpan
	for i := range o.shards {
		sh := &o.shards[i]
		sh.mu.Lock()
		for _, s := range sh.spans {
			out = append(out, s)
		}
		sh.mu.Unlock()
	}
	return out
}

// end ends the open spans below root, root included (zero: all), youngest first and all at the same moment, with status Error and
// reason. It returns how many. No lock is held while a span ends, as that calls span processors.
func (o *openSpans) end(root trace.SpanID, reason string) int {
	spans := o.list()
	if root.IsValid() {
		spans = below(root, spans)
	}
	slices.SortFunc(spans, func(a, b sdktrace.ReadWriteSpan) int { return cmp.Compare(b.StartTime().UnixNano(), a.StartTime().UnixNano()) })
	now, n := time.Now(), 0
	for _, s := range spans {
		if !s.IsRecording() { // ended meanwhile
			continue
		}
		s.SetStatus(codes.Error, reason)
		s.End(trace.WithTimestamp(now))
		n++
	}
	return n
}

// below returns those of spans that are root or descend from it.
//
// A parent that has ended is not among spans, and with it the chain upwards is lost. Such a span counts as a descendant if it is in root's trace and root is the only
// one there that came into the process from outside or began the trace: then it can have no other root.
func below(root trace.SpanID, spans []sdktrace.ReadWriteSpan) []sdktrace.ReadWriteSpan {
	f := family{parents: make(map[trace.SpanID]trace.SpanContext, len(spans)), root: root}
	for _, s := range spans {
		id, parent := s.SpanContext(), s.Parent()
		f.parents[id.SpanID()] = parent
		if id.SpanID() == root {
			f.trace = id.TraceID()
		}
	}
	f.adopts = f.trace.IsValid()
	for _, s := range spans {
		sc := s.SpanContext()
		if sc.TraceID() == f.trace && entered(s.Parent()) != (sc.SpanID() == root) {
			f.adopts = false
		}
	}
	return slices.DeleteFunc(spans, func(s sdktrace.ReadWriteSpan) bool { return !f.has(s.SpanContext()) })
}

// entered reports whether a span with that parent is the topmost of its trace in this process.
func entered(parent trace.SpanContext) bool { return !parent.IsValid() || parent.IsRemote() }

// family is the open spans as a forest, seen from one root.
type family struct {
	root    trace.SpanID
	trace   trace.TraceID                      // of root; zero if root is not open
	parents map[trace.SpanID]trace.SpanContext // of each open span
	adopts  bool                               // spans of the trace with a broken chain are root's
}

func (f family) has(sc trace.SpanContext) bool {
	id := sc.SpanID()
	for range len(f.parents) + 1 { // a chain is no longer than that, whatever ids a custom generator makes
		if id == f.root {
			return true
		}
		parent, open := f.parents[id]
		if !open {
			return f.adopts && sc.TraceID() == f.trace
		}
		if entered(parent) {
			return parent.SpanID() == f.root && parent.IsValid()
		}
		id = parent.SpanID()
	}
	return false
}
