package delivery

import (
	"context"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// A custom exporter gives no reason for a failure, so the engine cannot tell a batch that it never takes from an
// outage. Its rules are:
//
//   - A flush calls it at most once with a batch. A batch that it has failed goes behind all others and stays alone,
//     since one of its items may be the reason. So it delays the others by one flush at most.
//   - A batch that has failed in maxFailedFlushes flushes is dropped. A failure counts only if another batch was
//     delivered since the last one that counted. Otherwise an outage would drop everything.
//   - A failure does not count if the context ended the call within senderGrace: the caller had no time.
//   - A call that panics or ends its goroutine drops its batch, since the items would cause it again.
//   - An exporter that fails at once costs the function nothing. So every flush tries it: such a failure does not count
//     for the breaker, and the flush goes on with the next batch until its failures have taken longer than
//     instantFailure.
//   - While a call that was left behind has not returned, no other is made.

const (
	maxFailedFlushes = 3
	instantFailure   = 5 * time.Millisecond
)

// failures are those of one batch. The zero value is none.
type failures struct {
	flush     uint64 // number of the last flush that goes on without the batch; 0: none
	count     int    // failures of a custom exporter that count
	delivered uint64 // backlog.delivered at the last of them
}

// add records a failure in a flush and reports whether the batch has failed too often.
func (x *failures) add(flush, delivered uint64, counts bool) (drop bool) {
	x.flush = flush
	if counts && (x.count == 0 || delivered > x.delivered) {
		x.count++
		x.delivered = delivered
	}
	return counts && x.count >= maxFailedFlushes
}

// sendItems makes an attempt with a custom exporter. Its engine allows one request at once.
func (s *stream) sendItems(f *flush, t terms) attempt {
	a := newAttempt(Result{}, bounded.ErrStillRunning, time.Now())
	if s.engine.running.Load() == 0 {
		a = s.send(f, t, false, func(ctx context.Context) (Result, error) { return Result{}, s.export(ctx, t.entries) })
	}
	a.items, a.end = len(t.entries), t.entries[len(t.entries)-1].number+1
	return a
}

// failedLocked records that a custom exporter has not taken b in this flush. The flush goes on with the others, unless
// that takes too long.
func (s *stream) failedLocked(f *flush, b *batch, a attempt) {
	if b.failed.add(f.number, s.items.delivered, !a.late || a.took >= senderGrace) {
		s.items.ack(b, a.end, Refused, 0)
		s.dropReason, f.refusal = a.err, a.err
	}
	f.failedTime += a.took
	switch {
	case f.policy == probe:
		f.giveUp(errProbeFailed)
	case f.failedTime >= instantFailure && f.policy != shutdown:
		f.giveUp(errNoProgress)
	}
}
