package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// A custom exporter gives no reason for a failure, so the engine cannot tell a batch that it never takes from an outage.
// Its rules are:
//
//   - A flush calls it at most once with a batch. A batch that it has failed goes behind all others and stays alone, since
//     one of its items may be the reason. So it delays the others by one flush at most.
//   - A batch that has failed in maxFailedFlushes flushes is dropped. A failure counts only if another batch was delivered
//     since the last one that counted. Otherwise an outage would drop everything.
//   - A failure does not count if the context ended the call within senderGrace: the caller had no time.
//   - A call that panics or ends its goroutine drops its batch, since the items would cause it again.
//   - An exporter that fails at once costs the function nothing. So every flush tries it: such a failure does not count for
//     the breaker, and the flush goes on with the next batch until its failures have taken longer than instantFailure.

const (
	maxFailedFlushes = 3
	instantFailure   = 5 * time.Millisecond
)

// failures are those of one batch with a custom exporter. Queue.mu guards them.
type failures struct {
	flush     uint64 // number of the last flush in which the batch failed; 0: none
	count     int    // failures that count
	delivered uint64 // Queue.delivered at the last of them
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

// sendItems makes an attempt with a custom exporter.
func (s *stream) sendItems(ctx context.Context, p parcel) attempt {
	c, send := p.items()
	a := attempt{content: c, outcome: RetryNextFlush, begun: time.Now()}
	a.err = s.calls.Call(ctx, senderGrace, send)
	a.took = time.Since(a.begun)
	a.late = a.err == bounded.ErrNotReturned //nolint:errorlint // an error of the exporter is wrapped
	switch {
	case a.err == nil:
		a.outcome = Accepted
	case crashed(a.err):
		a.outcome = Refused
		a.err = fmt.Errorf("exporter %w", a.err)
	case a.late:
		a.err = fmt.Errorf("exporter %w", a.err)
	}
	return a
}

// crashed reports whether a call of a Sender or an exporter has panicked or ended its goroutine.
func crashed(err error) bool {
	_, panicked := err.(*bounded.PanicError)    //nolint:errorlint // an error of the exporter is wrapped
	return panicked || err == bounded.ErrGoexit //nolint:errorlint // the same
}

// failed ends the attempts at a batch in this flush. The error says why the flush does not go on with the others.
func (s *stream) failed(ctx context.Context, f *flush, p parcel, a attempt) error {
	if p.fail(f.number, !a.late || a.took >= senderGrace) {
		p.ack(a.content, Refused, 0)
		s.record(f, p, attempt{content: a.content, outcome: Refused, err: a.err, unsent: true})
	}
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	f.failing += a.took
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case f.policy.probes:
		return errProbeFailed
	case f.failing >= instantFailure && !f.policy.lastChance:
		return errNoProgress
	}
	return nil
}
