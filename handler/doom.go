package handler

import (
	"math"
	"sync/atomic"
	"time"
)

// doom is what invocations that share a process have to know of one another, on Lambda Managed Instances. A panic of one,
// or a response that Lambda refuses, makes aws-lambda-go end the process: its loops take no invocation any more, and when each
// has finished what it has in hand the process exits, without a signal. So what the others end until then has to leave
// before they are through, as after a panic of their own.
//
// It holds when that became known or possible, in nanoseconds since 1970: 0 is never, certain for good.
type doom struct {
	shared bool // several invocations may share the process; where not, the methods do nothing
	since  atomic.Int64
}

const certain = math.MaxInt64

// doubtful is how long after a response that may have been refused an invocation may still begin that was fetched before
// aws-lambda-go knew.
const doubtful = time.Second

// outlook is doom as an invocation finds it at its begin.
type outlook struct {
	since int64
	bleak bool // the process is about to end, perhaps
}

func (d *doom) outlook() outlook {
	since := d.since.Load()
	return outlook{since, since == certain || since != 0 && time.Since(time.Unix(0, since)) < doubtful}
}

// bring says that the process will end, or that it may.
func (d *doom) bring(surely bool) {
	if !d.shared {
		return
	}
	if surely {
		d.since.Store(certain)
		return
	}
	if since := d.since.Load(); since != certain {
		d.since.CompareAndSwap(since, time.Now().UnixNano()) // else another has just said so
	}
}

// fate reports for an invocation that began with o whether the process will end after it, surely or perhaps.
func (d *doom) fate(o outlook) (surely, perhaps bool) {
	since := d.since.Load()
	return since == certain, o.bleak || since != o.since
}
