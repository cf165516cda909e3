package delivery

import (
	"context"
	"errors"
	"fmt"
)

// Shutdown does what Flush does, under the shutdown policy, and then closes the destination if this was the engine's
// last signal. Items that are pushed after the call are dropped. Any number of callers share it, each under its own ctx.
// Items that were not delivered stay pending. If a Sender or an exporter has not returned, it is closed when it does.
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
		s.flush.endIfUnwantedLocked()
	}
	go s.close(ctx, s.flush)
}

// close releases the destination after the flush that is still under way.
func (s *stream) close(ctx context.Context, last *flush) {
	defer close(s.closed)
	if last != nil {
		<-last.done
	}
	s.closeErr = s.engine.remove(ctx)
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
