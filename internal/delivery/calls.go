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
func (s *stream) Flush(ctx context.Context) error {
	ctx, cancel := s.withDeadline(ctx)
	defer cancel()
	upTo, before := s.position()
	var last *flush
	for !s.delivered(upTo) {
		if err := ctx.Err(); err != nil {
			return s.interrupted(last, err)
		}
		f, conclusive, err := s.join(ctx, before)
		if err != nil {
			return s.result(upTo, err)
		}
		err = s.await(ctx, f)
		switch {
		case err == bounded.ErrStillRunning: //nolint:errorlint // it is not wrapped
			return s.result(upTo, err)
		case err != nil && !s.delivered(upTo):
			return s.interrupted(f, err)
		case conclusive:
			_, failure := s.failureOf(f)
			return s.result(upTo, failure)
		}
		last = f
	}
	return s.result(upTo, nil)
}

// withDeadline gives the context of a caller that has no deadline the default one.
func (s *stream) withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.config.Timeout)
}

// position returns the number of the next item, and that of the last flush.
func (s *stream) position() (next, flushes uint64) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return s.items.next, s.flushes
}

// delivered reports whether no item with a number below upTo is pending.
func (s *stream) delivered(upTo uint64) bool {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return s.items.done(upTo)
}

// join joins the flush under way or begins one. The error says why none may begin. The result of the flush is conclusive if
// the flush has all items of the caller, so it is none of the first before flushes, and can still do something about them:
// it had neither given up nor lost all its callers.
func (s *stream) join(ctx context.Context, before uint64) (f *flush, conclusive bool, err error) {
	deadline, _ := ctx.Deadline()
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if f = s.flush; f == nil {
		if err := s.refusalLocked(); err != nil {
			return nil, false, err
		}
		f = s.beginLocked()
		f.joinLocked(deadline)
		s.startLocked(f)
		return f, true, nil
	}
	conclusive = f.state != stopping && f.ctx.Err() == nil && f.number > before
	f.joinLocked(deadline)
	if !s.background {
		f.leaveBackgroundLocked() // nothing may be under way when the last caller has left: the process may freeze then
	}
	if s.lastChanceLocked() {
		s.extendLocked(f)
	}
	return f, conclusive, nil
}

// await waits for the end of a flush under the caller's ctx, and leaves it. A flush whose waiters have all left ends
// soon, unless an exporter does not return.
func (s *stream) await(ctx context.Context, f *flush) error {
	defer func() {
		s.engine.mu.Lock()
		defer s.engine.mu.Unlock()
		f.leaveLocked()
	}()
	var late <-chan time.Time
	if f.ctx.Err() != nil {
		timer := time.NewTimer(2 * senderGrace)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		if isClosed(f.done) {
			return nil
		}
		return ctx.Err()
	case <-late:
		return bounded.ErrStillRunning
	}
}

// interrupted is the error of a caller whose own context has ended.
func (s *stream) interrupted(f *flush, err error) error {
	pending, failure := s.failureOf(f)
	err = fmt.Errorf("flush %s: %w; %d pending", s.config.Items, err, pending)
	if failure == nil {
		return err
	}
	return fmt.Errorf("%w; %w", err, failure)
}

// failureOf returns why f (nil: none) has left items, and how many are pending.
func (s *stream) failureOf(f *flush) (pending int64, failure error) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if f != nil {
		failure = f.failureLocked()
	}
	return s.items.stats().Pending, failure
}

// result is the error of a caller that has seen the end of its flush, or why there was none.
func (s *stream) result(upTo uint64, why error) error {
	dropped, pending, cause := s.takeDrops()
	var drops error
	switch {
	case dropped.Total() == 0:
	case s.config.DropError == nil:
		drops = fmt.Errorf("%d %s dropped: %+v", dropped.Total(), s.config.Items, dropped)
	default:
		drops = s.config.DropError(dropped, cause)
	}
	if s.delivered(upTo) {
		return drops
	}
	if why == nil {
		why = errClosed
	}
	return errors.Join(drops, fmt.Errorf("flush %s: %w; %d kept", s.config.Items, why, pending))
}

// takeDrops returns the drops that no flush has reported, and the backend's message about them.
func (s *stream) takeDrops() (dropped Dropped, pending int64, cause error) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	stats := s.items.stats()
	dropped, s.reported = stats.Dropped.Sub(s.reported), stats.Dropped
	if dropped.Total() > 0 {
		cause, s.dropReason = s.dropReason, nil
	}
	return dropped, stats.Pending, cause
}
