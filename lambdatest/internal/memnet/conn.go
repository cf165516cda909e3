package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// socketBuffer is how many unread bytes one end holds before the other's Write blocks, about as on loopback.
const socketBuffer = 64 << 10

// link is a connection: two ends under one lock.
type link struct {
	network *Network
	to      addr // the dialed address

	mu      sync.Mutex
	changed *sync.Cond // anything at either end: bytes, room, close, reset, deadline, thaw
	ends    [2]*conn
	isReset bool
}

// conn is one end. Its fields below the addresses are guarded by link.mu.
type conn struct {
	link          *link
	peer          *conn
	host          *Host // nil: belongs to no host, never frozen
	local, remote addr

	in            []byte // received, unread
	closed        bool   // this end's operations fail
	left          bool   // the peer knows of it
	resets        bool   // Close resets the connection
	readDeadline  deadline
	writeDeadline deadline
}

func (n *Network) newLink(from *Host, to addr) (near, far *conn) {
	l := &link{network: n, to: to}
	l.changed = sync.NewCond(&l.mu)
	origin := addr("client")
	if from != nil {
		origin = addr(from.name)
	}
	near = &conn{link: l, host: from, local: origin, remote: to}
	far = &conn{link: l, local: to, remote: origin}
	near.peer, far.peer = far, near
	l.ends = [2]*conn{near, far}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.links == nil {
		n.links = make(map[*link]struct{})
	}
	n.links[l] = struct{}{}
	return near, far
}

// reset breaks the connection under both ends.
func (l *link) reset() {
	l.mu.Lock()
	l.resetLocked()
	l.mu.Unlock()
	l.network.forget(l)
}

func (l *link) resetLocked() {
	l.isReset = true
	l.ends[0].in, l.ends[1].in = nil, nil
	l.changed.Broadcast()
}

// frozen reports whether c's host is frozen. The caller holds link.mu.
func (c *conn) frozen() bool { return c.host != nil && c.host.frozen.Load() }

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	l := c.link
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, opError("read", c.remote, net.ErrClosed)
		case c.frozen():
		case l.isReset:
			return 0, opError("read", c.remote, syscall.ECONNRESET)
		case c.readDeadline.passed():
			return 0, opError("read", c.remote, os.ErrDeadlineExceeded)
		case len(b) == 0:
			return 0, nil
		case len(c.in) > 0:
			n := copy(b, c.in)
			c.in = c.in[n:]
			l.changed.Broadcast()
			return n, nil
		case c.peer.left:
			return 0, io.EOF
		}
		l.changed.Wait()
	}
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	c.noteIfFrozen("write")
	l := c.link
	l.mu.Lock()
	defer l.mu.Unlock()
	written := 0
	for {
		room := socketBuffer - len(c.peer.in)
		switch {
		case c.closed:
			return written, opError("write", c.remote, net.ErrClosed)
		case c.frozen():
		case l.isReset:
			return written, opError("write", c.remote, syscall.ECONNRESET)
		case c.peer.left:
			return written, opError("write", c.remote, syscall.EPIPE)
		case c.writeDeadline.passed():
			return written, opError("write", c.remote, os.ErrDeadlineExceeded)
		case written == len(b):
			return written, nil
		case room > 0:
			n := min(room, len(b)-written)
			c.peer.in = append(c.peer.in, b[written:written+n]...)
			written += n
			l.changed.Broadcast()
			continue
		}
		l.changed.Wait()
	}
}

func (c *conn) noteIfFrozen(op string) {
	if c.frozen() {
		c.host.note(op, string(c.remote))
	}
}

// Close implements net.Conn. Bytes written before still reach the peer, then io.EOF. On a frozen host this end is
// closed immediately, and the peer sees it at the thaw: net/http closes idle connections with a lock held that
// others wait for, so a Close that waited would hold them all.
func (c *conn) Close() error {
	l := c.link
	l.mu.Lock()
	if c.closed {
		l.mu.Unlock()
		return opError("close", c.remote, net.ErrClosed)
	}
	c.closeLocked()
	frozen := c.frozen()
	l.mu.Unlock()
	if !frozen {
		c.leave()
	}
	return nil
}

// leave shows a Close to the peer and releases the connection. It does nothing for an open one.
func (c *conn) leave() {
	l := c.link
	l.mu.Lock()
	if !c.closed {
		l.mu.Unlock()
		return
	}
	c.left = true
	l.changed.Broadcast()
	if c.resets {
		l.resetLocked()
	}
	both := c.peer.left
	l.mu.Unlock()
	c.release(both)
}

// SetLinger is that of *net.TCPConn: with zero, Close resets the connection and drops the bytes that the peer has not
// read. Other values change nothing.
func (c *conn) SetLinger(sec int) error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return opError("set linger", c.remote, net.ErrClosed)
	}
	c.resets = sec == 0
	return nil
}

// abort closes c even if its host is frozen: the process is gone.
func (c *conn) abort() {
	c.link.mu.Lock()
	c.closeLocked()
	c.link.mu.Unlock()
	c.leave()
}

func (c *conn) closeLocked() {
	c.closed, c.in = true, nil
	c.readDeadline.stop()
	c.writeDeadline.stop()
	c.link.changed.Broadcast()
}

// release removes the connection from its host and, once both ends are closed, from the network.
func (c *conn) release(both bool) {
	if c.host != nil {
		c.host.forget(c)
	}
	if both {
		c.link.network.forget(c.link)
	}
}

// wake makes both ends check their state again.
func (l *link) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed.Broadcast()
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	return c.setDeadline(t, &c.readDeadline, &c.writeDeadline)
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, &c.readDeadline) }

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, &c.writeDeadline) }

func (c *conn) setDeadline(t time.Time, which ...*deadline) error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return opError("set deadline", c.remote, net.ErrClosed)
	}
	for _, d := range which {
		d.set(t, c.link.wake)
	}
	c.link.changed.Broadcast()
	return nil
}

// deadline is a time after which operations fail, with the timer that wakes waiting ones. Guarded by link.mu.
type deadline struct {
	at    time.Time // zero: none
	timer *time.Timer
}

func (d *deadline) set(t time.Time, wake func()) {
	d.stop()
	d.at = t
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, wake)
	}
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }
