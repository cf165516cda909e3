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

// Kinds of events in the log of a Daemon. Who is the sender's address.
const (
	KindDatagram eventlog.Kind = "xray.datagram" // spans are kept; Count: how many; Detail: the number and the outcome
	KindRefused  eventlog.Kind = "xray.refused"  // nothing is kept; Detail: the number and the reason
)

const (
	// readBuffer is the buffer that the socket asks the kernel for; the kernel may grant less (Linux, net.core.rmem_max).
	readBuffer = 4 << 20
	// maxWaiting is how many datagrams may wait for decoding, which takes longer than reading.
	maxWaiting = 4096
	// largest is larger than any datagram.
	largest = 1 << 16
)

// Config adjusts a Daemon. The zero value is usable.
type Config struct {
	// Log is where datagrams are recorded; nil means nowhere.
	Log *eventlog.Log
}

// Daemon keeps received spans. It is safe for concurrent use. Use New to make one.
type Daemon struct {
	cfg     Config
	serving sync.WaitGroup // goroutines of Serve

	mu        sync.Mutex
	conns     []net.PacketConn
	address   string
	closed    bool
	datagrams []Datagram
	spans     []otlpreceiver.Span
	changed   chan struct{} // closed and replaced after each datagram
	marks     map[string]chan struct{}
}

// New returns a daemon that does not listen yet. The caller must call Close.
func New(cfg Config) *Daemon {
	return &Daemon{cfg: cfg, changed: make(chan struct{}), marks: make(map[string]chan struct{})}
}

// Listen serves on a UDP address, in the background. "127.0.0.1:0" takes a free port on loopback; see Address.
func (d *Daemon) Listen(addr string) error {
	conn, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp", addr)
	if err != nil {
		return fmt.Errorf("listen for X-Ray: %w", err)
	}
	return d.Serve(conn)
}

// Serve serves on conn, in the background, and returns immediately. The daemon owns conn from now on: Close closes it, and
// conn's ReadFrom must return an error then. Several may be served; Address names the last. After Close it closes conn
// and returns net.ErrClosed.
func (d *Daemon) Serve(conn net.PacketConn) error {
	if socket, ok := conn.(interface{ SetReadBuffer(bytes int) error }); ok {
		_ = socket.SetReadBuffer(readBuffer) // a smaller buffer is acceptable
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

// Address returns the value for AWS_XRAY_DAEMON_ADDRESS; "" before Serve or Listen.
func (d *Daemon) Address() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.address
}

// Close stops listening once all read datagrams are kept; [Daemon.WaitQuiet] waits for the rest. Kept spans can still be
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

// WaitSpans waits until at least n spans are kept and returns all of them. If ctx ends first, it returns the spans so far
// and an error.
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
