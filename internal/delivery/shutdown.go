package delivery

import (
	"context"
	"errors"
	"fmt"
)

// shutdown is Queue.Shutdown.
func (s *stream) shutdown(ctx context.Context) error {
	ctx, cancel := s.withDeadline(ctx)
	defer cancel()
	s.items.close()
	s.enterShutdown(ctx)
	err := s.flushAll(ctx)
	s.leaveShutdown(ctx)
	select {
	case <-s.closed:
		return errors.Join(err, s.closeErr)
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
	s.background, s.shutDown = false, true
	s.disarmLocked()
	s.shuttingDown++
	if f := s.flush; f != nil {
		if deadline, ok := ctx.Deadline(); ok && f.policy != shutdown {
			f.hasDeadline, f.deadline = true, deadline
		}
		s.toLastChanceLocked(f)
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
	if s.flush != nil {
		s.flush.leaveBackgroundLocked()
	}
	go s.close(ctx, s.flush)
}

// close releases the destination after the flush that is still under way.
func (s *stream) close(ctx context.Context, last *flush) {
	defer close(s.closed)
	if last != nil {
		<-last.done
	}
	s.calls.Wait()
	s.closeErr = s.engine.remove(ctx, s)
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
