package memnet

import (
	"net"
	"sync"
)

// listener accepts the connections dialed to its address.
type listener struct {
	network *Network
	address addr

	mu      sync.Mutex
	arrived *sync.Cond // a connection came, or the listener closed
	backlog []*conn
	closed  bool
}

func newListener(n *Network, a addr) *listener {
	l := &listener{network: n, address: a}
	l.arrived = sync.NewCond(&l.mu)
	return l
}

// offer queues c and reports whether the listener was still open.
func (l *listener) offer(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.backlog = append(l.backlog, c)
	l.arrived.Signal()
	return true
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.backlog) == 0 && !l.closed {
		l.arrived.Wait()
	}
	if l.closed {
		return nil, opError("accept", l.address, net.ErrClosed)
	}
	c := l.backlog[0]
	l.backlog = l.backlog[1:]
	return c, nil
}

// Close implements net.Listener. Connections that were not accepted are reset.
func (l *listener) Close() error {
	l.mu.Lock()
	waiting := l.backlog
	already := l.closed
	l.closed, l.backlog = true, nil
	l.arrived.Broadcast()
	l.mu.Unlock()
	if already {
		return opError("close", l.address, net.ErrClosed)
	}
	l.network.unlisten(l)
	for _, c := range waiting {
		c.link.reset()
	}
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.address }
