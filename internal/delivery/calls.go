package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// Flush delivers all items pushed before the call. It returns nil only if none of them is pending. If items were dropped
// since the last flush that could report, the error has that of Config.DropError.
//
// Callers at the same time share one flush, and each waits under its own ctx. If ctx ends, Flush returns its error at
// once. The last caller that leaves ends the flush and its requests, unless the background or the exit deadline holds
// it. Items that were not delivered stay and go first next time. A ctx without a deadline has Config.Timeout.
func (q *Queue[T]) Flush(ctx context.Context) error { return q.stream.flushAll(ctx) }

// Shutdown does what Flush does, under the shutdown policy, and then closes the destination if this was the engine's
// last signal. Items that are pushed after the call are dropped. Any number of callers share it, each under its own ctx.
// Items that were not delivered stay pending. If a Sender or an exporter has not returned, it is closed when it does.
func (q *Queue[T]) Shutdown(ctx context.Context) error { return q.stream.shutdown(ctx) }

// Stats returns the counts of one moment.
func (q *Queue[T]) Stats() Stats {
	s := q.stream
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	stats := q.counts()
	stats.Breaker = s.stateLocked()
	return stats
}

// Pending returns how many items are pending, and whether a flush should not be deferred: one is under way, a quarter
// of the queue is in use, or the next flush has drops to report. If it returns 0 and false, Flush has nothing to do.
func (q *Queue[T]) Pending() (n int, flushNow bool) {
	s := q.stream
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	n, quarterFull, drops := q.pressure()
	return n, s.flush != nil || quarterFull || drops
}

// SetBackgroundExport switches the export by timer on (the default) or off. A half-full queue is exported in the
// background in either case.
func (q *Queue[T]) SetBackgroundExport(on bool) { q.stream.setBackground(on) }

// Idle returns a channel that is closed when the flush under way has ended; nil if there is none.
func (q *Queue[T]) Idle() <-chan struct{} {
	s := q.stream
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if s.flush == nil {
		return nil
	}
	return s.flush.done
}

// flushAll is Queue.Flush.
func (s *stream) flushAll(ctx context.Context) error {
	ctx, cancel := s.withDeadline(ctx)
	defer cancel()
	upTo := s.items.sequence()
	before := s.flushesBegun()
	var last *flush
	var why error
	for conclusive := false; !conclusive && !s.items.done(upTo); {
		if err := ctx.Err(); err != nil {
			return s.interrupted(last, err)
		}
		var j join
		if j, why = s.join(ctx); why != nil {
			break
		}
		err := s.await(ctx, j)
		if errors.Is(err, bounded.ErrStillRunning) {
			why = err
			break
		}
		if err != nil && !s.items.done(upTo) {
			return s.interrupted(j.flush, err)
		}
		// A flush that began before the call may lack some of its items. One that had given up before the call, or whose
		// callers had all left, says nothing about what is possible now.
		last, conclusive = j.flush, j.joined && !j.stale && j.flush.number > before
	}
	return s.flushResult(upTo, last, why)
}

func (s *stream) flushesBegun() uint64 {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return s.flushes
}

// join is a caller's part in a flush.
type join struct {
	flush  *flush
	joined bool // the caller is a waiter; false: all waiters have left, and the caller only waits for the end
	stale  bool // the flush had given up before
}

// join joins the flush under way or begins one. The error says why none may begin.
func (s *stream) join(ctx context.Context) (join, error) {
	deadline, _ := ctx.Deadline()
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if f := s.flush; f != nil {
		j := join{flush: f, stale: f.state == stopping, joined: f.joinLocked(deadline)}
		if j.joined && !s.background {
			f.takeOverLocked() // nothing may be under way when the last caller has left: the process may freeze then
		}
		if j.joined && s.lastChanceLocked() {
			f.extendLocked(s.items.sequence())
			s.addWorkersLocked(f)
		}
		return j, nil
	}
	if err := s.refusalLocked(); err != nil {
		return join{}, err
	}
	f := s.beginLocked(deadline)
	f.callers = 1
	s.startLocked(f)
	return join{flush: f, joined: true}, nil
}

// await waits for the end of a flush under the caller's ctx, and leaves it. A flush whose waiters have all left ends
// soon, unless an exporter does not return.
func (s *stream) await(ctx context.Context, j join) error {
	if j.joined {
		defer func() {
			s.engine.mu.Lock()
			defer s.engine.mu.Unlock()
			j.flush.leaveLocked()
		}()
	}
	var late <-chan time.Time
	if !j.joined {
		timer := time.NewTimer(2 * senderGrace)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-j.flush.done:
		return nil
	case <-ctx.Done():
		if isClosed(j.flush.done) {
			return nil
		}
		return ctx.Err()
	case <-late:
		return bounded.ErrStillRunning
	}
}

// interrupted is the error of a caller whose own context has ended.
func (s *stream) interrupted(f *flush, err error) error {
	err = fmt.Errorf("flush %s: %w; %d pending", s.config.Items, err, s.items.counts().Pending)
	if f != nil {
		if failure := s.failureOf(f); failure != nil {
			return fmt.Errorf("%w; %w", err, failure)
		}
	}
	return err
}

func (s *stream) failureOf(f *flush) error {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return f.failureLocked()
}

// flushResult is the error of a caller that has seen the end of its flush, or why there was none.
func (s *stream) flushResult(upTo uint64, last *flush, why error) error {
	drops := s.takeDropError()
	if s.items.done(upTo) {
		return drops
	}
	if why == nil {
		why = errClosed
		if err := s.failureOf(last); err != nil {
			why = err
		}
	}
	return errors.Join(drops, fmt.Errorf("flush %s: %w; %d kept", s.config.Items, why, s.items.counts().Pending))
}

// takeDropError returns the error of Config.DropError if items were dropped since the last call.
func (s *stream) takeDropError() error {
	d := s.items.takeDrops()
	if d.Total() == 0 {
		return nil
	}
	cause := s.takeDropReason()
	if s.config.DropError == nil {
		return fmt.Errorf("%d %s dropped: %+v", d.Total(), s.config.Items, d)
	}
	return s.config.DropError(d, cause)
}

func (s *stream) takeDropReason() error {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	cause := s.dropReason
	s.dropReason = nil
	return cause
}
