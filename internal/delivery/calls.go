package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Flush delivers all items pushed before the call. It returns nil only if none of them is pending. If items were
// dropped since the last flush that could report, the error has that of Config.DropError; a flush whose ctx has ended
// does not.
//
// Callers at the same time share one flush, and each waits under its own ctx. If ctx ends, Flush returns its error at
// once. The last caller that leaves ends the flush and its requests, unless the background or the exit deadline holds
// it. Items that were not delivered stay and go first next time. A ctx without a deadline has Config.Timeout.
func (s *stream) Flush(ctx context.Context) error {
	ctx, cancel := s.withDeadline(ctx)
	defer cancel()
	s.engine.mu.Lock()
	why := s.flushLocked(ctx)
	pending := s.items.stats().Pending
	var dropped Dropped
	var cause error
	if ctx.Err() == nil {
		dropped, cause = s.takeDropsLocked()
	}
	s.engine.mu.Unlock()
	var drops error
	switch {
	case dropped.Total() == 0:
	case s.config.DropError == nil:
		drops = fmt.Errorf("%d %s dropped: %+v", dropped.Total(), s.config.Items, dropped)
	default:
		drops = s.config.DropError(dropped, cause)
	}
	if why == nil {
		return drops
	}
	return errors.Join(drops, fmt.Errorf("flush %s: %w; %d pending", s.config.Items, why, pending))
}

// withDeadline gives the context of a caller that has no deadline the default one.
func (s *stream) withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.config.Timeout)
}

// flushLocked takes part in flushes until all items pushed before the call have left, or returns why some have not. It
// releases the lock while it waits.
//
// It returns the failure of a flush that has all of them because it begins after the call. After any other it looks
// again.
func (s *stream) flushLocked(ctx context.Context) error {
	upTo, before := s.items.next, s.flushes
	var failure error
	for !s.items.done(upTo) {
		if err := ctx.Err(); err != nil {
			return withFailure(err, failure)
		}
		if s.flush == nil {
			if err := s.refusalLocked(); err != nil {
				return err
			}
			s.beginLocked(false)
		}
		f := s.flush
		conclusive := f.number > before
		err := s.attendLocked(ctx, f)
		failure = f.failure()
		switch {
		case s.items.done(upTo):
			return nil
		case err != nil:
			return withFailure(err, failure)
		case conclusive:
			return failure
		}
	}
	return nil
}

func withFailure(err, failure error) error {
	if failure == nil {
		return err
	}
	return fmt.Errorf("%w; %w", err, failure)
}

// attendLocked joins f, waits for its end under the caller's ctx without the lock, and leaves it.
func (s *stream) attendLocked(ctx context.Context, f *flush) error {
	deadline, _ := ctx.Deadline()
	f.join(deadline)
	defer f.leave()
	if !s.background && f.background { // nothing may be under way when the last caller has left: the process may freeze then
		f.background = false
	}
	if s.lastChanceLocked() {
		f.upTo = s.items.next
	}
	s.addWorkersLocked(f)
	s.engine.mu.Unlock()
	defer s.engine.mu.Lock()
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takeDropsLocked returns the drops that no flush has reported, and the backend's message about them.
func (s *stream) takeDropsLocked() (dropped Dropped, cause error) {
	dropped = s.items.counts.Dropped.Sub(s.dropsReported)
	s.dropsReported = s.items.counts.Dropped
	if dropped.Total() > 0 {
		cause, s.dropReason = s.dropReason, nil
	}
	return dropped, cause
}

// refusalLocked returns why no flush may begin now; nil if one may.
func (s *stream) refusalLocked() error {
	switch wait := s.breaker.Wait(time.Now()); {
	case s.noFlushes:
		return errClosed
	case wait > 0 && !s.lastChanceLocked():
		return fmt.Errorf("the backend is down (circuit breaker open for another %s); last failure: %w",
			wait.Round(time.Millisecond), s.breaker.Cause())
	}
	return nil
}

// Shutdown does what Flush does, under the shutdown policy, and then closes the destination if this was the engine's
// last signal. Items that are pushed after the call are dropped. Any number of callers share it, each under its own
// ctx. Items that were not delivered stay pending. If a Sender or an exporter has not returned, it is closed when it
// does.
func (s *stream) Shutdown(ctx context.Context) error {
	ctx, cancel := s.withDeadline(ctx)
	defer cancel()
	s.enterShutdown(ctx)
	err := s.Flush(ctx)
	s.leaveShutdown(ctx)
	select {
	case <-s.closed:
	case <-ctx.Done():
	}
	switch {
	case isClosed(s.closed):
		return errors.Join(err, s.closeErr)
	case errors.Is(err, ctx.Err()):
		return err
	}
	return errors.Join(err, fmt.Errorf("close exporter: %w", ctx.Err()))
}

// enterShutdown gives the flush under way and all later ones the shutdown policy.
func (s *stream) enterShutdown(ctx context.Context) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.items.closed = true
	s.background, s.shutDown = false, true
	s.disarmLocked()
	s.shuttingDown++
	if f := s.flush; f != nil {
		if f.policy != shutdown {
			f.deadline, _ = ctx.Deadline()
		}
		f.background = false
		s.toShutdownLocked(f)
	}
}

// leaveShutdown closes the signal if this was the last caller.
func (s *stream) leaveShutdown(ctx context.Context) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.shuttingDown--
	if s.shuttingDown > 0 || s.noFlushes {
		return
	}
	s.noFlushes = true
	last := s.flush
	if last != nil {
		last.endIfUnwanted()
	}
	go func() {
		defer close(s.closed)
		if last != nil {
			<-last.done
		}
		s.closeErr = s.engine.remove(ctx)
	}()
}

// isClosed reports whether c, on which nothing is sent, is closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// lastChanceLocked reports whether no later flush is certain: Shutdown was called or the exit deadline lies ahead.
func (s *stream) lastChanceLocked() bool { return s.shutDown || s.engine.exitingLocked() }

// toShutdownLocked makes f the last chance of all items pushed so far. If it has given up, it tries again.
func (s *stream) toShutdownLocked(f *flush) {
	if f.policy != shutdown {
		f.change(shutdown, nil)
	}
	s.extendLocked(f)
}

// setExitingLocked is Engine.SetExitDeadline for one signal.
func (s *stream) setExitingLocked(exiting bool) {
	f := s.flush
	switch {
	case f == nil:
		if exiting && s.enoughLocked() {
			s.exportLaterLocked(true)
		}
	case exiting:
		f.held = f.ctx.Err() == nil
		s.toShutdownLocked(f)
	default:
		f.held = false
		f.endIfUnwanted()
		if f.policy == shutdown && !s.shutDown {
			f.change(normal, f.stopReason)
		}
	}
}
