package handler

import (
	"math"
	"sync/atomic"
	"time"
)

// exitNotice informs the invocations of one process, on Managed Instances, that the process is about to exit. After a
// panic or a refused response of one invocation, aws-lambda-go fetches no further ones, completes the invocations that
// it has fetched, and exits without a signal. So each of these invocations flushes at its end, as after a panic of its
// own.
type exitNotice struct {
	shared bool // several invocations may share the process; if not, announce does nothing

	// The time of the last response that may have been refused, in nanoseconds since 1970. 0 means that there was none,
	// certain that the process exits.
	since atomic.Int64
}

const certain = math.MaxInt64

// startDelay is the most time that an invocation takes from its fetch to its start. aws-lambda-go may have fetched it
// before it learned that a response was refused. So an invocation that starts within startDelay after such a response
// expects the exit, too.
const startDelay = time.Second

// announce records that the process will exit, or that it may exit if isCertain is false.
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

// check reports whether the process exits after an invocation that began at that time, for certain or perhaps.
func (n *exitNotice) check(began time.Time) (isCertain, suspected bool) {
	switch since := n.since.Load(); since {
	case 0:
		return false, false
	case certain:
		return true, true
	default:
		return false, began.Before(time.Unix(0, since).Add(startDelay))
	}
}
