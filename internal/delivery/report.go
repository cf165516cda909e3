package delivery

import (
	"fmt"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// reportLocked returns a function that tells the callbacks about the flush f, which has ended. It is for a caller without
// the lock. A callback that panics has said enough.
func (s *stream) reportLocked(f *flush, gaveUp bool) func() {
	var errs []error
	if f.background && f.callers == 0 {
		errs = s.backgroundErrorsLocked(f, gaveUp)
	}
	return func() {
		c := &s.config
		_ = bounded.Protect(func() {
			if f.hint != nil && c.OnHint != nil {
				c.OnHint(f.hintKey, f.hint)
			}
			if f.partialSuccess != nil && c.OnPartialSuccess != nil {
				c.OnPartialSuccess(f.partialSuccess)
			}
		})
		for _, err := range errs {
			_ = bounded.Protect(func() { c.OnError(err) })
		}
	}
}

// backgroundErrorsLocked returns the errors of a flush that no caller waits for.
func (s *stream) backgroundErrorsLocked(f *flush, gaveUp bool) (errs []error) {
	c := &s.config
	if c.OnError == nil {
		return nil
	}
	if gaveUp {
		errs = append(errs, fmt.Errorf("export %s: %w; %d kept", c.Items, f.failureLocked(), s.items.stats().Pending))
	}
	if f.dropReason != nil && f.dropReason != f.partialSuccess { //nolint:errorlint // the same error is reported already
		errs = append(errs, fmt.Errorf("export %s: %w", c.Items, f.dropReason))
	}
	if n := s.items.counts.Dropped.QueueFull + s.items.counts.Dropped.QueueBytes - s.announced; n > 0 {
		s.announced += n
		errs = append(errs, fmt.Errorf("%d %s dropped: the queue was full", n, c.Items))
	}
	return errs
}
