package handler

import (
	"sync/atomic"
	"time"
)

// exitNotice informs the invocations of one process, on Managed Instances, that the process is about to exit. After a
// panic or a refused response of one invocation, aws-lambda-go fetches no further ones, completes the invocations that
// it has fetched, and exits without a signal. So each of these invocations flushes at its end, as after a panic of its
// own.
type exitNotice struct {
	shared    bool         // several invocations may share the process; if not, announce does nothing
	certain   atomic.Bool  // the process exits
	refusedAt atomic.Int64 // the last response that may have been refused, in nanoseconds since 1970; 0 if there is none
}

// startDelay is the most time that an invocation takes from its fetch to its start. aws-lambda-go may have fetched it
// before it learned that a response was refused. So an invocation that starts within startDelay after such a response
// expects the exit, too.
const startDelay = time.Second

// announce records that the process will exit, or that it may exit if isCertain is false.
func (n *exitNotice) announce(isCertain bool) {
	switch {
	case !n.shared:
	case isCertain:
		n.certain.Store(true)
	default:
		n.refusedAt.Store(time.Now().UnixNano())
	}
}

// check reports whether the process exits after an invocation that began at that time, for certain or perhaps.
func (n *exitNotice) check(began time.Time) (isCertain, suspected bool) {
	refusedAt := n.refusedAt.Load()
	return n.certain.Load(), refusedAt != 0 && began.Before(time.Unix(0, refusedAt).Add(startDelay))
}
