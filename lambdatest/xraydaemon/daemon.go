package xraydaemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// What a Daemon writes to its log. Who is the sender's address.
const (
	KindDatagram eventlog.Kind = "xray.datagram" // spans are kept; Count: how many; Detail: the number and what became of it
	KindRefused  eventlog.Kind = "xray.refused"  // nothing is kept; Detail: the number, and why
)

const (
	// readBuffer is the buffer that the socket asks the kernel for; it gives what it grants (Linux, net.core.rmem_max).
	readBuffer = 4 << 20
	// maxWaiting is how many datagrams wait to be decoded, which takes longer than to read them.
	maxWaiting = 4096
	// largest is more than a datagram can have.
	largest = 1 << 16
)

// Config adjusts a Daemon. The zero value is usable.
type Config struct {
	// Log is where datagrams are recorded; nil means nowhere.
	Log *eventlog.Log
}

// Daemon keeps the spans that it is sent. It is safe for concurrent use. Use New to make one.
type Daemon struct {
	cfg     Config
	serving sync.WaitGroup // goroutines of Serve

	mu        sync.Mutex
	conns     []net.PacketConn
	address   string
	closed    bool
	datagrams []Datagram
	spans     []otlpreceiver.Span
	changed   chan struct{} // closed and renewed when a datagram is done with
	marks     map[string]chan struct{}
}

// New returns a daemon that listens nowhere yet. Close it when done.
func New(cfg Config) *Daemon {
	return &Daemon{cfg: cfg, changed: make(chan struct{}), marks: make(map[string]chan struct{})}
}

// Listen serves on a UDP address, in the background. "127.0.0.1:0" takes a free port on loopback; Address tells which.
func (d *Daemon) Listen(addr string) error {
	conn, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp", addr)
	if err != nil {
		return fmt.Errorf("listen for X-Ray: %w", err)
	}
	return d.Serve(conn)
}

// Serve serves on conn, in the background, and returns at once. The daemon owns conn from now on: Close closes it, and
// conn's ReadFrom must return an error then. Several may be served; Address names the last. After Close it closes conn
// and returns net.ErrClosed.
func (d *Daemon) Serve(conn net.PacketConn) error {
	if socket, ok := conn.(interface{ SetReadBuffer(bytes int) error }); ok {
		_ = socket.SetReadBuffer(readBuffer) // less room is no reason not to serve
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errors.Join(net.ErrClosed, conn.Close())
	}
	d.conns = append(d.conns, conn)
	d.address = conn.LocalAddr().String()
	read := make(chan arrival, maxWaiting)
	d.serving.Go(func() { receive(conn, read) })
	d.serving.Go(func() {
		for a := range read {
			d.take(a)
		}
	})
	return nil
}

// Address returns what to put into AWS_XRAY_DAEMON_ADDRESS; "" before Serve or Listen.
func (d *Daemon) Address() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.address
}

// Close stops listening, once what has been read is kept; [Daemon.WaitQuiet] waits for the rest. What was kept can still be
// read. It is idempotent and safe to call from several goroutines.
func (d *Daemon) Close() error {
	d.mu.Lock()
	conns := d.conns
	d.conns, d.closed = nil, true
	d.mu.Unlock()
	var errs []error
	for _, conn := range conns {
		errs = append(errs, conn.Close())
	}
	d.serving.Wait()
	return errors.Join(errs...)
}

// Datagrams returns a copy of the list of datagrams so far, in order of arrival.
func (d *Daemon) Datagrams() []Datagram {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.datagrams)
}

// Spans returns a copy of the list of spans kept so far, in order of arrival. The maps and slices inside are shared and
// must not be changed. The Request of a span is the number of its datagram.
func (d *Daemon) Spans() []otlpreceiver.Span {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.spans)
}

// WaitSpans waits until at least n spans are kept and returns all of them. If ctx ends first it returns those there are,
// with an error.
func (d *Daemon) WaitSpans(ctx context.Context, n int) ([]otlpreceiver.Span, error) {
	for {
		d.mu.Lock()
		spans, changed := slices.Clone(d.spans), d.changed
		d.mu.Unlock()
		if len(spans) >= n {
			return spans, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return spans, fmt.Errorf("wait for %d spans, have %d: %w", n, len(spans), context.Cause(ctx))
		}
	}
}
