package delivery

import (
	"context"
	"fmt"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// reportsLocked returns the calls of callbacks that tell about the flush f, which has ended.
func (s *stream) reportsLocked(f *flush, gaveUp bool) (calls []func()) {
	c := &s.config
	for _, x := range f.exports {
		calls = append(calls, func() { c.OnExport(x) })
	}
	if f.hint != nil && c.OnHint != nil {
		calls = append(calls, func() { c.OnHint(f.hintKey, f.hint) })
	}
	if f.partialSuccess != nil && c.OnPartialSuccess != nil {
		calls = append(calls, func() { c.OnPartialSuccess(f.partialSuccess) })
	}
	if c.OnError != nil && f.background && f.callers == 0 {
		for _, err := range s.backgroundErrorsLocked(f, gaveUp) {
			calls = append(calls, func() { c.OnError(err) })
		}
	}
	return calls
}

// report makes calls of callbacks, which are foreign code. If they block, it leaves them behind, so that they cost the flush
// no more than callbackTime, and makes no others until they have returned.
func (s *stream) report(calls []func()) {
	if len(calls) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), callbackTime)
	defer cancel()
	_ = s.callbacks.Call(ctx, 0, func(context.Context) error {
		for _, call := range calls {
			_ = bounded.Protect(call)
		}
		return nil
	})
}

// backgroundErrorsLocked returns the errors of a flush that no caller waits for.
func (s *stream) backgroundErrorsLocked(f *flush, gaveUp bool) (errs []error) {
	c := &s.config
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
