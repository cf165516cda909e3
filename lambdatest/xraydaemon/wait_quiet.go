package xraydaemon

import (
	"context"
	"fmt"
	"net"
	"time"
)

// markEvery is how often a mark is sent until it has come through: the kernel may throw it away as any datagram.
const markEvery = 20 * time.Millisecond

// WaitQuiet waits until everything that had arrived at Address before the call is kept, so that a test or a report sees
// all of it. It sends a mark there, which queues behind everything else and is neither kept nor recorded. If ctx ends
// first, or no UDP leads there, WaitQuiet returns an error.
func (d *Daemon) WaitQuiet(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", d.Address())
	if err != nil {
		return fmt.Errorf("settle X-Ray daemon: %w", err)
	}
	defer func() { _ = conn.Close() }()
	mark := "mark of " + conn.LocalAddr().String()
	seen := make(chan struct{})
	d.mu.Lock()
	d.marks[mark] = seen
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.marks, mark)
		d.mu.Unlock()
	}()
	again := time.NewTicker(markEvery)
	defer again.Stop()
	for {
		_, _ = conn.Write([]byte(mark)) // an error is of a mark before
		select {
		case <-seen:
			return nil
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("settle X-Ray daemon: %w", context.Cause(ctx))
		}
	}
}

// isMark reports whether a datagram is a mark of WaitQuiet, which it then notifies.
func (d *Daemon) isMark(data []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen, found := d.marks[string(data)]
	if !found {
		return isLateMark(data)
	}
	select {
	case <-seen:
	default:
		close(seen)
	}
	return true
}

// isLateMark reports whether a datagram is a mark without a waiter.
func isLateMark(data []byte) bool {
	const prefix = "mark of "
	return len(data) > len(prefix) && string(data[:len(prefix)]) == prefix
}
