package handler

import (
	"math"
	"sync/atomic"
	"time"
)

// exitNotice tells the invocations of one process, on Managed Instances, that the process is about to exit. After a panic
// or a refused response of one invocation, aws-lambda-go takes no further ones, completes those it has, and exits without
// a signal. So each of those flushes at its end, as after a panic of its own.
//
// It holds the time at which the exit became known or suspected, in nanoseconds since 1970: 0 for never, certain forever.
type exitNotice struct {
	shared bool // several invocations may share the process; if not, the methods do nothing
	since  atomic.Int64
}

const certain = math.MaxInt64

// suspectedFor is the time after a response that may have been refused during which an invocation may still begin that
// was fetched before aws-lambda-go knew.
const suspectedFor = time.Second

// exitSnapshot is an exitNotice at the beginning of an invocation.
type exitSnapshot struct {
	since     int64
	suspected bool
}

func (n *exitNotice) snapshot() exitSnapshot {
	since := n.since.Load()
	return exitSnapshot{since, since == certain || since != 0 && time.Since(time.Unix(0, since)) < suspectedFor}
}

// announce says that the process will exit, for certain or perhaps.
func (n *exitNotice) announce(isCertain bool) {
	if !n.shared {
		return
	}
	if isCertain {
		n.since.Store(certain)
		return
	}
	if since := n.since.Load(); since != certain {
		n.since.CompareAndSwap(since, time.Now().UnixNano()) // a failure means that another invocation has just done so
	}
}

// check reports, for an invocation that began with s, whether the process exits after it, for certain or perhaps.
func (n *exitNotice) check(s exitSnapshot) (isCertain, suspected bool) {
	since := n.since.Load()
	return since == certain, s.suspected || since != s.since
}
