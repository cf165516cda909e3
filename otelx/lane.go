package otelx

import "sync"

// cacheLines is how far apart what different cores write has to lie: two lines, since they are fetched in pairs.
const cacheLines = 128

// lane is where spans that start or end are put down, at the price of a lock held for an append. What is to be done
// about them is done later, by whoever has the lock of the lane's owner next, most often a flush after the response.
//
// Any goroutine may put. What else there is needs the owner's lock.
type lane[S any] struct {
	mu    sync.Mutex
	spans []S
	due   int // with so many spans, who puts the last down has to see to it that they are taken
	most  int // more are not kept; 0: no bound, since who is told sees to it before going on

	spare []S // the memory of those taken last; of the owner's lock
	_     [cacheLines]byte
}

// put adds s. If it is due, the caller has to take the owner's lock and what is in the lane.
func (l *lane[S]) put(s S) (due bool) {
	l.mu.Lock()
	if l.most == 0 || len(l.spans) < l.most {
		l.spans = append(l.spans, s)
	}
	due = len(l.spans) >= l.due
	l.mu.Unlock()
	return due
}

// take empties the lane. Whoever has been told that it is due finds nothing then, and those who come before await are
// told when they would have been, or earlier. The result is valid, and to be cleared, while the owner's lock is held.
func (l *lane[S]) take() []S {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.spans
	if len(taken) > 0 {
		l.spans, l.spare = l.spare[:0], taken
		l.due = max(l.due-len(taken), 1)
	}
	return taken
}

// await sets with how many spans the lane is due.
func (l *lane[S]) await(n int) {
	if n == l.due { // which only changes under the owner's lock
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due = n
}
