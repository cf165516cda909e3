package xraydaemon

import (
	"context"
	"fmt"
	"net"
	"time"
)

// markEvery is the interval at which a mark is sent until it arrives: the kernel may drop it as any datagram.
const markEvery = 20 * time.Millisecond

// WaitQuiet waits until all datagrams that arrived at Address before the call are kept. It sends a mark to Address, which
// queues behind them and is neither kept nor recorded. If ctx ends first, or Address is not reachable by UDP, WaitQuiet
// returns an error.
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
		_, _ = conn.Write([]byte(mark)) // an error concerns an earlier mark
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
