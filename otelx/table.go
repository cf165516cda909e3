package otelx

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	maxShards  = 16
	perShard   = 64 // a shard for so many spans of the bound
	firstSlots = 16
	cacheLines = 128

	// forgottenAfter is the age from which an open span may give way to a new one. Programs that do not end each of
	// their spans would else fill the table for good, and none that starts later would be known.
	forgottenAfter = 15 * time.Minute
	// looks is how many spans are looked at for such a one; a table full of them shows one at the first.
	looks = 8
)

// openSpans knows the sampled spans that have started and not ended, up to a bound; spans beyond it are not known, but
// where they find one to take the place of that seems forgotten. They are found by span id, since a span ends as
// another object (its snapshot) than it has started as.
//
// Each shard is a hash table with linear probing. A map would cost twice as much, on a path that every span takes.
type openSpans struct {
	shards []openShard // a power of two of them
	shift  int         // of a hash, to make it the number of a shard
	each   int         // bound of one shard
}

type openShard struct {
	mu    sync.Mutex
	slots []openSlot // a power of two of them, at most half of them used
	used  int
	_     [cacheLines - 40]byte // two cores that start spans do not share a line
}

// openSlot is free if span is nil.
type openSlot struct {
	hash uint64
	span sdktrace.ReadWriteSpan
}

func newOpenSpans(bound int) *openSpans {
	n := 1
	for n < maxShards && n*2*perShard <= bound {
		n *= 2
	}
	return &openSpans{shards: make([]openShard, n), shift: 64 - bits.TrailingZeros(uint(n)), each: bound / n}
}

// hashOf spreads the ids of generators that count, too. It maps different ids to different hashes, so that a hash
// stands for its id.
func hashOf(id trace.SpanID) uint64 { return binary.LittleEndian.Uint64(id[:]) * 0x9e3779b97f4a7c15 }

// shard chooses by the high bits of a hash; slots are chosen by those below.
func (o *openSpans) shard(hash uint64) *openShard { return &o.shards[hash>>o.shift] }

func (o *openSpans) add(id trace.SpanID, s sdktrace.ReadWriteSpan) {
	h := hashOf(id)
	sh := o.shard(h)
	sh.mu.Lock()
	if sh.used < o.each || sh.forget(h, s.StartTime().Add(-forgottenAfter)) {
		sh.put(h, s)
	}
	sh.mu.Unlock()
}

func (o *openSpans) remove(id trace.SpanID) {
	h := hashOf(id)
	sh := o.shard(h)
	sh.mu.Lock()
	sh.drop(h)
	sh.mu.Unlock()
}

// home is where a hash belongs if its slot is free.
func (sh *openShard) home(hash uint64) int { return int(hash>>20) & (len(sh.slots) - 1) }

// find returns the slot of hash, or the free one where it would be. There is always a free slot.
func (sh *openShard) find(hash uint64) int {
	i := sh.home(hash)
	for sh.slots[i].span != nil && sh.slots[i].hash != hash {
		i = (i + 1) & (len(sh.slots) - 1)
	}
	return i
}

func (sh *openShard) put(hash uint64, s sdktrace.ReadWriteSpan) {
	if 2*(sh.used+1) > len(sh.slots) {
		sh.grow()
	}
	slot := &sh.slots[sh.find(hash)]
	if slot.span == nil {
		sh.used++
	}
	*slot = openSlot{hash, s}
}

func (sh *openShard) grow() {
	old := sh.slots
	sh.slots = make([]openSlot, max(2*len(old), firstSlots))
	for _, slot := range old {
		if slot.span != nil {
			sh.slots[sh.find(slot.hash)] = slot
		}
	}
}

// drop frees the slot of hash and moves those that had to give way to it closer to their homes.
func (sh *openShard) drop(hash uint64) {
	if sh.used == 0 {
		return
	}
	gap := sh.find(hash)
	if sh.slots[gap].span == nil {
		return
	}
	mask := len(sh.slots) - 1
	for i := (gap + 1) & mask; sh.slots[i].span != nil; i = (i + 1) & mask {
		if (i-sh.home(sh.slots[i].hash))&mask >= (i-gap)&mask {
			sh.slots[gap], gap = sh.slots[i], i
		}
	}
	sh.slots[gap] = openSlot{}
	sh.used--
}

// forget frees the slot of a span that started before then, if there is one among the first from where hash belongs.
func (sh *openShard) forget(hash uint64, then time.Time) bool {
	i := sh.home(hash)
	for range min(looks, sh.used) {
		for sh.slots[i].span == nil {
			i = (i + 1) & (len(sh.slots) - 1)
		}
		if sh.slots[i].span.StartTime().Before(then) {
			sh.drop(sh.slots[i].hash)
			return true
		}
		i = (i + 1) & (len(sh.slots) - 1)
	}
	return false
}

// list returns a copy of what is open now.
func (o *openSpans) list() []sdktrace.ReadWriteSpan {
	var out []sdktrace.ReadWriteSpan
	for i := range o.shards {
		sh := &o.shards[i]
		sh.mu.Lock()
		for _, slot := range sh.slots {
			if slot.span != nil {
				out = append(out, slot.span)
			}
		}
		sh.mu.Unlock()
	}
	return out
}
