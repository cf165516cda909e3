package soak

import (
	"context"
	"net"
	"sync"
)

// wires are the connections of a process in memory to the collector. They tell requests that wait for their answers
// from those that were given up, of which the collector may never learn once the process is frozen.
type wires struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu   sync.Mutex
	busy map[*wire]bool // something was sent, and nothing has come back
}

// wire is one of them.
type wire struct {
	net.Conn

	all *wires
}

// Dial is net.Dialer's DialContext.
func (w *wires) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := w.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &wire{conn, w}, nil
}

// waiting counts those on which an answer is awaited.
func (w *wires) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.busy)
}

func (w *wires) note(c *wire, busy bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if busy {
		w.busy[c] = true
	} else {
		delete(w.busy, c)
	}
}

// Write implements net.Conn.
func (c *wire) Write(b []byte) (int, error) {
	c.all.note(c, true)
	n, err := c.Conn.Write(b)
	if err != nil {
		c.all.note(c, false)
	}
	return n, err
}

// Read implements net.Conn.
func (c *wire) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.all.note(c, false)
	return n, err
}

// Close implements net.Conn.
func (c *wire) Close() error {
	c.all.note(c, false)
	return c.Conn.Close()
}
