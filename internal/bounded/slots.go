package bounded

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrStillRunning means that the function was not called because an earlier call has not returned.
var ErrStillRunning = errors.New("an earlier call has not returned")

// Slots admits calls of one piece of foreign code, so that calls that do not return cannot pile up. At most Limit of
// them run at once; others wait for their turn. While a call that was left behind has not returned, no other is made.
// The zero value is ready.
type Slots struct {
	Limit int // at most this many calls at once; 0: one

	mu        sync.Mutex
	running   int           // calls that have not returned
	abandoned int           // of these, left behind by their callers
	changed   chan struct{} // closed and replaced when one of them changes; nil: nothing waits for that
}

// Call is the package's [Call] with a slot of s. It returns [ErrStillRunning] without calling fn if no slot becomes free
// before ctx ends, and at once while an abandoned call is running.
func (s *Slots) Call(ctx context.Context, grace time.Duration, fn func(context.Context) error) error {
	if !s.enter(ctx) {
		return ErrStillRunning
	}
	c, done := &call{}, make(chan error, 1)
	Start(ctx, fn, func(err error) {
		s.leave(c)
		done <- err
	})
	returned, err := wait(ctx, grace, done)
	if !returned {
		s.abandon(c)
	}
	return err
}

// Wait waits until no call is running.
func (s *Slots) Wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.running > 0 {
		s.awaitLocked(context.Background())
	}
}

// call is a call with a slot. Slots.mu guards it.
type call struct{ returned, abandoned bool }

func (s *Slots) enter(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.abandoned == 0 {
		if s.running < max(s.Limit, 1) {
			s.running++
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		s.awaitLocked(ctx)
	}
	return false
}

func (s *Slots) leave(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.returned = true
	s.running--
	if c.abandoned {
		s.abandoned--
	}
	s.announceLocked()
}

func (s *Slots) abandon(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.returned {
		c.abandoned = true
		s.abandoned++
		s.announceLocked()
	}
}

// awaitLocked releases s.mu until a call returns or is abandoned, or ctx ends.
func (s *Slots) awaitLocked(ctx context.Context) {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	changed := s.changed
	s.mu.Unlock()
	select {
	case <-changed:
	case <-ctx.Done():
	}
	s.mu.Lock()
}

func (s *Slots) announceLocked() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Exclusive is the former name of Slots. It goes away when agent, otelx and internal/spill use the new one.
type Exclusive = Slots
