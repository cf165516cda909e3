package otlphttp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

const (
	// maxAbandoned is how many dials may outlive their requests. On a small function a TLS handshake can take longer
	// than a short flush; net/http completes it and keeps the connection for the next flush. More of them than
	// connections are kept would be waste, and a backend that does not answer would gather them.
	maxAbandoned = maxIdleConns
	// closeNotifyTimeout limits how long closing a TLS connection may wait for a peer that does not read. crypto/tls
	// waits 5 seconds, which would hold a flush whose context has ended.
	closeNotifyTimeout = 5 * time.Millisecond
)

// dialer opens the connections of a Client. net/http runs a dial on a goroutine of its own and completes it even if the
// request has ended. The dialer cancels the oldest of these abandoned dials if there are more than maxAbandoned, and
// all of them on close.
type dialer struct {
	connect func(ctx context.Context, network, addr string) (net.Conn, error)
	tls     *tls.Config

	mu        sync.Mutex
	abandoned []*dial // the oldest first
	closed    bool    // abandoned dials are canceled at once
}

// dial is a dial under way.
type dial struct{ cancel context.CancelFunc }

type requestKey struct{}

// withRequest returns a context whose dials know that ctx is the request's. net/http hides the end of a request's
// context from its dials, but not its values.
func withRequest(ctx context.Context) context.Context {
	return context.WithValue(ctx, requestKey{}, ctx)
}

// dial opens a connection without TLS, to a server or a proxy.
func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return d.open(ctx, func(ctx context.Context) (net.Conn, error) { return d.connectSafely(ctx, network, addr) })
}

// dialTLS opens a connection with TLS.
func (d *dialer) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	return d.open(ctx, func(ctx context.Context) (net.Conn, error) {
		raw, err := d.connectSafely(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			_ = raw.Close()
			return nil, err
		}
		cfg := d.tls.Clone()
		cfg.ServerName = host
		conn := tls.Client(raw, cfg)
		if err := conn.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, err
		}
		return conn, nil
	})
}

// open runs fn within the limits of a dial. An error of a dial that outlived its request is the reason for the
// request's end.
func (d *dialer) open(ctx context.Context, fn func(context.Context) (net.Conn, error)) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, maxDial)
	self := &dial{cancel: cancel}
	defer d.done(self) // after cancel, so that abandon cannot count a dial that has ended
	defer cancel()
	request := ctx.Value(requestKey{}).(context.Context)
	defer context.AfterFunc(request, func() { d.abandon(ctx, self) })()
	conn, err := fn(ctx)
	if err != nil && request.Err() != nil {
		err = context.Cause(request)
	}
	return conn, err
}

// abandon counts a dial whose request has ended, unless the dial itself has ended.
func (d *dialer) abandon(ctx context.Context, self *dial) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case d.closed:
		self.cancel()
	default:
		d.abandoned = append(d.abandoned, self)
		if len(d.abandoned) > maxAbandoned {
			d.abandoned[0].cancel()
			d.abandoned = slices.Delete(d.abandoned, 0, 1)
		}
	}
}

func (d *dialer) done(self *dial) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.abandoned = slices.DeleteFunc(d.abandoned, func(other *dial) bool { return other == self })
}

func (d *dialer) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, dial := range d.abandoned {
		dial.cancel()
	}
	d.abandoned = nil
}

// connectSafely turns a panic of the user's Dial into an error, and makes its error safe: it runs on a goroutine of
// net/http. TLS may follow on the connection, here or, behind a proxy, in net/http.
func (d *dialer) connectSafely(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	if fault := bounded.Protect(func() { conn, err = d.connect(ctx, network, addr) }); fault != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, fault)
	}
	if err != nil {
		return nil, bounded.Safe(err)
	}
	return quickClose{conn}, nil
}

// quickClose bounds the write deadline that crypto/tls sets to send close_notify. net/http sets none.
type quickClose struct{ net.Conn }

// SetWriteDeadline sets the deadline to t or to closeNotifyTimeout from now, whichever is earlier.
func (c quickClose) SetWriteDeadline(t time.Time) error {
	if soon := time.Now().Add(closeNotifyTimeout); t.After(soon) {
		t = soon
	}
	return c.Conn.SetWriteDeadline(t)
}
