package soak

import (
	"context"
	"net"
	"sync"
)

// connections are those of an emulated process to the backend. They tell requests that wait for their answers from those
// that were given up, of which the backend may never learn once the process is frozen.
type connections struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu   sync.Mutex
	busy map[*connection]bool // something was sent, and nothing has come back
}

type connection struct {
	net.Conn

	all *connections
}

// Dial is net.Dialer's DialContext.
func (cs *connections) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := cs.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &connection{conn, cs}, nil
}

// waiting counts those on which a request waits for its answer.
func (cs *connections) waiting() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.busy)
}

func (cs *connections) set(c *connection, busy bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if busy {
		cs.busy[c] = true
	} else {
		delete(cs.busy, c)
	}
}

// Write implements net.Conn.
func (c *connection) Write(b []byte) (int, error) {
	c.all.set(c, true)
	n, err := c.Conn.Write(b)
	if err != nil {
		c.all.set(c, false)
	}
	return n, err
}

// Read implements net.Conn.
func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.all.set(c, false)
	return n, err
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.all.set(c, false)
	return c.Conn.Close()
}
