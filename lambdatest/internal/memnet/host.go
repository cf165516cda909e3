package memnet

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
)

// Host is one process on the network: the connections it dialed, which freeze, thaw and end with it.
// All methods are safe for concurrent use.
type Host struct {
	network *Network
	name    string
	held    func(op, address string)

	frozen atomic.Bool

	mu      sync.Mutex
	thawed  *sync.Cond // thaw or end
	conns   map[*conn]struct{}
	isEnded bool
}

// Host returns a new process called name. If held is not nil, it is called for each "dial" and "write" that begins while
// the host is frozen, on the caller's goroutine and without a lock. Reads that wait are no activity.
func (n *Network) Host(name string, held func(op, address string)) *Host {
	h := &Host{network: n, name: name, held: held, conns: make(map[*conn]struct{})}
	h.thawed = sync.NewCond(&h.mu)
	return h
}

// DialContext connects like [Network.DialContext]. On a frozen host it waits for the thaw, even if ctx ends;
// after End it fails with net.ErrClosed.
func (h *Host) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	if h.frozen.Load() {
		h.note("dial", address)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.frozen.Load() && !h.isEnded {
		h.thawed.Wait()
	}
	if h.isEnded {
		return nil, opError("dial", addr(address), net.ErrClosed)
	}
	dialed, err := h.network.dial(ctx, h, address)
	if err != nil {
		return nil, err
	}
	h.conns[dialed.(*conn)] = struct{}{}
	return dialed, nil
}

// Freeze holds every operation of the host until Thaw or End. When it returns, nothing more leaves.
func (h *Host) Freeze() {
	h.frozen.Store(true)
	h.wakeAll() // takes each connection's lock, so operations that had passed the gate are over
}

// Thaw ends the freeze. Held operations continue, and may find that their deadlines have passed.
func (h *Host) Thaw() {
	h.mu.Lock()
	h.frozen.Store(false)
	h.thawed.Broadcast()
	h.mu.Unlock()
	h.wakeAll()
	for _, c := range h.snapshot() {
		c.leave() // if it was closed meanwhile
	}
}

// End closes all connections, frozen or not, as a kernel does for a process that has ended: peers read the
// sent bytes, then io.EOF. Later dials fail.
func (h *Host) End() {
	h.mu.Lock()
	h.isEnded = true
	h.thawed.Broadcast()
	h.mu.Unlock()
	for _, c := range h.snapshot() {
		c.abort()
	}
}

func (h *Host) wakeAll() {
	for _, c := range h.snapshot() {
		c.link.wake()
	}
}

func (h *Host) snapshot() []*conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	conns := make([]*conn, 0, len(h.conns))
	for c := range h.conns {
		conns = append(conns, c)
	}
	return conns
}

func (h *Host) forget(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c)
}

func (h *Host) note(op, address string) {
	if h.held != nil {
		h.held(op, address)
	}
}
