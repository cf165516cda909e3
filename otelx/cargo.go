package otelx

import (
	"context"
	"sync"
)

// cargo bounds the memory of requests under way at once: so many of the largest size, and more of smaller ones.
type cargo struct {
	most int // bytes together

	mu      sync.Mutex
	loaded  int
	changed chan struct{} // closed when loaded has become less; nil while nobody waits for that
}

// load reserves n bytes, at most c.most, or reports false when ctx has ended before there was room. The caller owes an
// unload.
func (c *cargo) load(ctx context.Context, n int) bool {
	for {
		c.mu.Lock()
		if c.loaded+n <= c.most {
			c.loaded += n
			c.mu.Unlock()
			return true
		}
		if c.changed == nil {
			c.changed = make(chan struct{})
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// unload gives n reserved bytes back.
func (c *cargo) unload(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded -= n
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}
