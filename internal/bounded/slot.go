package bounded

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrStillRunning means that the function was not called because an earlier call has not returned.
var ErrStillRunning = errors.New("an earlier call has not returned")

// Slot admits one call at a time of one piece of foreign code; others wait for their turn. While a call that was left behind
// has not returned, no other is made, so that such calls cannot pile up. The zero value is ready.
type Slot struct {
	mu      sync.Mutex
	running *call // nil: none
}

// call is a call with the slot.
type call struct {
	returned  chan struct{} // closed when the slot is free
	abandoned chan struct{} // closed when its caller has left it behind
}

// Call is the package's [Call] with the slot. It returns [ErrStillRunning] without calling fn if the slot does not become
// free before ctx ends, and at once while an abandoned call is running.
func (s *Slot) Call(ctx context.Context, grace time.Duration, fn func(context.Context) error) error {
	c := &call{returned: make(chan struct{}), abandoned: make(chan struct{})}
	for {
		earlier := s.enter(c)
		if earlier == nil {
			break
		}
		select {
		case <-earlier.returned:
		case <-earlier.abandoned:
			return ErrStillRunning
		case <-ctx.Done():
			return ErrStillRunning
		}
	}
	done := make(chan error, 1)
	Start(ctx, fn, func(err error) {
		s.leave(c) // before the caller has the result: its next call finds the slot free
		done <- err
	})
	returned, err := wait(ctx, grace, done)
	if !returned {
		close(c.abandoned)
	}
	return err
}

// enter takes the slot for c, or returns the call that has it.
func (s *Slot) enter(c *call) (earlier *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return s.running
	}
	s.running = c
	return nil
}

func (s *Slot) leave(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = nil
	close(c.returned)
}
