package otlp

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// maxLinger is how long a connection may still be opened when the request that wanted it has been given up. On a
	// small function a TLS handshake takes a few hundred milliseconds of its share of the CPU, more than a short flush
	// has: were it given up with the flush, the next one would begin it anew and get no further. What has lasted longer
	// than this leads nowhere; so has, when it thaws, what a freeze has interrupted.
	maxLinger = time.Second
	// maxLingering is how many of them there are at once. More than one flush can use would be waste: a backend that
	// answers nothing would gather them.
	maxLingering = maxIdleConns
)

// openings opens connections for net/http, which goes on with it when the request that it does so for has ended, and
// keeps the connection for the next one. openings ends that after maxLinger.
type openings struct {
	connect func(ctx context.Context, network, addr string) (net.Conn, error)
	secure  bool // a TLS handshake follows

	mu        sync.Mutex
	lingering map[*opening]context.CancelFunc
}

// opening is the connection that a request may have opened for it. The goroutine of net/http that opens it owns settled.
type opening struct {
	wanted  context.Context // ends with the Send
	settled func()          // idempotent; nil while nothing is being opened
}

type openingKey struct{}

func withOpening(ctx context.Context, o *opening) context.Context {
	return context.WithValue(ctx, openingKey{}, o)
}

// settle says that the connection is open, or never will be. (With a proxy that is itself spoken to by TLS it comes after
// the first of the two handshakes; net/http's own limits hold for the rest.)
func (o *opening) settle() {
	if o.settled != nil {
		o.settled()
	}
}

// dial connects, for the request that net/http's context belongs to, until that is given up and maxLinger has passed.
// The same limit holds for the handshake after it.
func (p *openings) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	o := ctx.Value(openingKey{}).(*opening) // each request of a sender has one
	ctx, end := context.WithCancel(ctx)
	unwatch := context.AfterFunc(o.wanted, func() { p.linger(ctx, o, end) }) //nolint:contextcheck // net/http's outlasts it
	o.settled = func() {
		unwatch()
		end()
	}
	conn, err := p.guarded(ctx, network, addr)
	if err != nil && o.wanted.Err() != nil {
		err = context.Cause(o.wanted) //nolint:contextcheck // why nobody waits, rather than that linger has ended it
	}
	if err != nil || !p.secure {
		o.settle()
		return conn, err
	}
	unclose := context.AfterFunc(ctx, func() { _ = conn.Close() })
	settled := o.settled
	o.settled = func() {
		unclose()
		settled()
	}
	return hasty{conn}, nil
}

// hasty is a connection below TLS. When crypto/tls closes one it tells the peer, for which it gives itself 5 seconds by a
// deadline: too long where the peer does not read and a flush, whose context has ended, waits for that.
type hasty struct{ net.Conn }

// maxGoodbye is what remains of them.
const maxGoodbye = 5 * time.Millisecond

// SetWriteDeadline sets the deadline to t, or to maxGoodbye from now if that is earlier.
func (c hasty) SetWriteDeadline(t time.Time) error {
	if soon := time.Now().Add(maxGoodbye); t.After(soon) {
		t = soon
	}
	return c.Conn.SetWriteDeadline(t)
}

// guarded is connect with a panic turned into an error: it runs in a goroutine that nothing of ours has begun.
func (p *openings) guarded(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	defer func() {
		if r := recover(); r != nil {
			conn, err = nil, fmt.Errorf("dial %s: panic: %v", addr, r)
		}
	}()
	return p.connect(ctx, network, addr)
}

// linger calls end when o has had its time, at once where enough others have theirs. It returns then, or as soon as o is
// settled.
func (p *openings) linger(ctx context.Context, o *opening, end context.CancelFunc) {
	defer end()
	p.mu.Lock()
	full := len(p.lingering) >= maxLingering
	if !full {
		if p.lingering == nil {
			p.lingering = map[*opening]context.CancelFunc{}
		}
		p.lingering[o] = end
	}
	p.mu.Unlock()
	if full {
		return
	}
	timer := time.NewTimer(maxLinger)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	p.mu.Lock()
	delete(p.lingering, o)
	p.mu.Unlock()
}

// letGo ends those that linger.
func (p *openings) letGo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, end := range p.lingering {
		end()
	}
}
