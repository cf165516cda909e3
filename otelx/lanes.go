package otelx

import (
	"sync"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// lanes are where spans that start or end are put down, at the price of a lock held for an append. What is to be done
// about them is done later, by whoever has the owner's lock next, most often a flush after the response.
//
// As long as no two cores meet there is one lane. Then each core has its own, so that none waits for another, nor for
// memory that another has written last.
//
// Any goroutine may call start and end. What else there is needs the owner's lock.
type lanes struct {
	all  []lane       // as many as cores
	open atomic.Int32 // only so many, from the first, may hold anything
	near sync.Pool    // of *lane: where this core has been last
	_    [cacheLines]byte

	taken []*lane // from which there is something
}

func newLanes(cores int) *lanes {
	l := &lanes{all: make([]lane, cores)}
	for i := range l.all {
		l.all[i].at = int32(i) //nolint:gosec // no more than there are cores
	}
	l.open.Store(1)
	return l
}

// start puts down a span that has started. If it is due, the caller has to take the owner's lock and what is in the lanes.
func (l *lanes) start(s sdktrace.ReadWriteSpan) (due bool) {
	mine := l.enter()
	due = mine.started.put(s)
	l.leave(mine)
	return due
}

// end is start for a span that has ended.
func (l *lanes) end(s sdktrace.ReadOnlySpan) (due bool) {
	mine := l.enter()
	due = mine.ended.put(s)
	l.leave(mine)
	return due
}

// enter locks a lane.
func (l *lanes) enter() *lane {
	first := &l.all[0]
	if l.open.Load() == 1 && first.mu.TryLock() {
		return first
	}
	mine, _ := l.near.Get().(*lane)
	if mine == nil {
		mine = first
	}
	if !mine.mu.TryLock() { // another core is here: from now on this one is next door
		mine = &l.all[int(mine.at+1)%len(l.all)]
		mine.mu.Lock()
	}
	l.opened(mine)
	return mine
}

// opened has take look into mine, which is locked.
func (l *lanes) opened(mine *lane) {
	for n := l.open.Load(); n <= mine.at; n = l.open.Load() {
		l.open.CompareAndSwap(n, mine.at+1)
	}
}

func (l *lanes) leave(mine *lane) {
	mine.mu.Unlock()
	if l.open.Load() > 1 {
		l.near.Put(mine)
	}
}

// take empties the lanes, all at one moment: of a span whose end is taken, the start is taken too, or has been before.
// Whoever has been told that it is due finds nothing then, and those who come before await are told when they would have
// been, or earlier. It reports whether there is anything, which is to be let go before the next take.
func (l *lanes) take() bool {
	n := int32(0)
	for ; n < l.open.Load(); n++ { // read each time: who has found a lane locked may have opened the next
		l.all[n].mu.Lock()
	}
	for i := range n {
		if mine := &l.all[i]; mine.started.take()+mine.ended.take() > 0 {
			l.taken = append(l.taken, mine)
		}
	}
	if n > 1 && len(l.taken) <= 1 && l.open.CompareAndSwap(n, 1) {
		for i := int32(1); i < n; i++ {
			l.all[i].await(0, 0) // who opens it again is to have the dues shared anew
		}
	}
	for i := range n {
		l.all[i].mu.Unlock()
	}
	return len(l.taken) > 0
}

// starts are the started spans that were taken.
func (l *lanes) starts(yield func(sdktrace.ReadWriteSpan) bool) {
	for _, mine := range l.taken {
		for _, s := range mine.started.taken {
			if !yield(s) {
				return
			}
		}
	}
}

// ends are the ended spans that were taken, those of a lane in their order, and those of several by when they ended. So
// those that a goroutine has ended come in its order, on whatever cores that was, unless it has dated ends itself.
func (l *lanes) ends(yield func(sdktrace.ReadOnlySpan) bool) {
	for _, mine := range l.taken {
		mine.rest = mine.ended.taken
		mine.look()
	}
	for next := l.earliest(); next != nil; next = l.earliest() {
		s := next.rest[0]
		next.rest = next.rest[1:]
		if len(l.taken) > 1 {
			next.look()
		}
		if !yield(s) {
			return
		}
	}
}

// earliest returns the lane whose rest begins with the span that ended first; nil if nothing is left.
func (l *lanes) earliest() (first *lane) {
	for _, mine := range l.taken {
		if len(mine.rest) > 0 && (first == nil || mine.front.Before(first.front)) {
			first = mine
		}
	}
	return first
}

// letGo forgets what was taken.
func (l *lanes) letGo() {
	for _, mine := range l.taken {
		mine.started.letGo()
		mine.ended.letGo()
	}
	l.taken = l.taken[:0]
}

// await sets with how many spans, of all lanes together, these are due. Those that have come since the take are not told
// of it: where they are too many already, the next in their lane is.
func (l *lanes) await(starts, ends int) {
	n := int(l.open.Load())
	for i := range n {
		l.all[i].await(max(starts/n, 1), max(ends/n, 1))
	}
}
