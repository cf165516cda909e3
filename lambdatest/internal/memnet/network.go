package memnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"syscall"
)

// errAddressInUse is returned by Listen for an address that has a listener already.
var errAddressInUse = errors.New("address already in use")

// firstPort is the first port that Listen hands out for port 0: where Linux's ephemeral range begins.
const firstPort = 32768

// Network holds listeners by address. The zero value is an empty network, ready for use; a Network must not be
// copied. All methods are safe for concurrent use.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*listener
	links     map[*link]struct{} // every connection that is not closed at both ends
	ports     int                // ports handed out
}

// Listen announces address, a "host:port" of any spelling: names are compared as strings, none is resolved.
// Port 0 (as in "127.0.0.1:0") takes a free port, to be read from the listener's Addr.
func (n *Network) Listen(address string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", address, err)
	}
	if port == "0" {
		address = net.JoinHostPort(host, strconv.Itoa(firstPort+n.ports))
		n.ports++
	}
	if _, taken := n.listeners[address]; taken {
		return nil, fmt.Errorf("listen on %q: %w", address, errAddressInUse)
	}
	l := newListener(n, addr(address))
	if n.listeners == nil {
		n.listeners = make(map[string]*listener)
	}
	n.listeners[address] = l
	return l, nil
}

// DialContext connects to the listener at address. Like a kernel with room in its backlog it succeeds before the
// listener accepts. Without a listener the error wraps syscall.ECONNREFUSED. The network's name is ignored.
func (n *Network) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	return n.dial(ctx, nil, address)
}

func (n *Network) dial(ctx context.Context, from *Host, address string) (net.Conn, error) {
	if ctx.Err() != nil {
		return nil, opError("dial", addr(address), context.Cause(ctx))
	}
	n.mu.Lock()
	l := n.listeners[address]
	n.mu.Unlock()
	if l == nil {
		return nil, opError("dial", addr(address), syscall.ECONNREFUSED)
	}
	near, far := n.newLink(from, addr(address))
	if !l.offer(far) {
		near.host = nil // it was never returned, so its host does not have it
		near.abort()
		far.abort()
		return nil, opError("dial", addr(address), syscall.ECONNREFUSED)
	}
	return near, nil
}

// Cut resets the connections to address, or all of them if address is empty, and returns their number. Reads and writes
// at both ends fail with an error that wraps syscall.ECONNRESET, and bytes under way are lost. A frozen host sees it at
// the thaw. Listeners stay.
func (n *Network) Cut(address string) int {
	cut := 0
	for _, l := range n.snapshot() {
		if address == "" || l.to == addr(address) {
			l.reset()
			cut++
		}
	}
	return cut
}

func (n *Network) snapshot() []*link {
	n.mu.Lock()
	defer n.mu.Unlock()
	links := make([]*link, 0, len(n.links))
	for l := range n.links {
		links = append(links, l)
	}
	return links
}

func (n *Network) forget(l *link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.links, l)
}

func (n *Network) unlisten(l *listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.listeners, string(l.address))
}

// addr is an address on a Network.
type addr string

func (addr) Network() string  { return "mem" }
func (a addr) String() string { return string(a) }

func opError(op string, a net.Addr, err error) error {
	return &net.OpError{Op: op, Net: "mem", Addr: a, Err: err}
}
