package delivery

import (
	"fmt"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// report tells the callbacks about an ended flush, whose fields no longer change. A callback that panics has said enough.
func (s *stream) report(f *flush) {
	_ = bounded.Protect(func() { s.reportHints(f) })
	if f.ownerless && s.config.OnError != nil {
		_ = bounded.Protect(func() { s.reportErrors(f) })
	}
}

func (s *stream) reportHints(f *flush) {
	c := &s.config
	if f.hint != nil && c.OnHint != nil {
		c.OnHint(f.hintKey, f.hint)
	}
	if f.partialSuccess != nil && c.OnPartialSuccess != nil {
		c.OnPartialSuccess(f.partialSuccess)
	}
}

func (s *stream) reportErrors(f *flush) {
	c := &s.config
	if f.gaveUp {
		c.OnError(fmt.Errorf("export %s: %w; %d kept", c.Items, f.failureLocked(), s.items.counts().Pending))
	}
	if f.dropReason != nil && f.dropReason != f.partialSuccess { //nolint:errorlint // the same error has been reported
		c.OnError(fmt.Errorf("export %s: %w", c.Items, f.dropReason))
	}
	if n := s.items.takeQueueFullDrops(); n > 0 {
		c.OnError(fmt.Errorf("%d %s dropped: the queue was full", n, c.Items))
	}
}
