package otlpreceiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

type connKey struct{} // of a connection, in the context of its requests

func (r *Receiver) newServer() *http.Server {
	return &http.Server{
		Handler:   r,
		ErrorLog:  log.New(io.Discard, "", 0), // broken requests are in the list of requests
		ConnState: r.connState,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
}

// Listen serves on a TCP address, in the background, and returns once connections are accepted. "127.0.0.1:0" takes a
// free port on loopback; Endpoint tells which.
func (r *Receiver) Listen(addr string) error {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen for OTLP: %w", err)
	}
	return r.Serve(l)
}

// Serve serves on l, in the background, and returns at once. The receiver owns l from now on: Close closes it. Several
// listeners may be served; Endpoint names the last. After Close it closes l and returns http.ErrServerClosed.
func (r *Receiver) Serve(l net.Listener) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.Join(http.ErrServerClosed, l.Close())
	}
	r.endpoint = "http://" + l.Addr().String()
	r.serving.Go(func() { _ = r.server.Serve(l) }) // it returns when Close closes l
	return nil
}

// Endpoint returns the base URL to put into OTEL_EXPORTER_OTLP_ENDPOINT, without a path; "" before Serve or Listen.
func (r *Receiver) Endpoint() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.endpoint
}

// Close stops listening, cuts all connections, releases hanging and delayed requests and waits for them. Kept spans can still
// be read. It is idempotent and safe to call from several goroutines, but not from a request's own.
func (r *Receiver) Close() error {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.done)
	}
	r.mu.Unlock()
	err := r.server.Close()
	r.serving.Wait()
	if err != nil {
		return fmt.Errorf("close OTLP receiver: %w", err)
	}
	return nil
}

// CutConnections resets every open connection, in use or idle, as a collector that restarts does, and returns how many there were.
// Clients of idle ones notice when they next use them.
func (r *Receiver) CutConnections() int {
	r.mu.Lock()
	conns := make([]net.Conn, 0, len(r.conns))
	for c := range r.conns {
		conns = append(conns, c)
	}
	r.mu.Unlock()
	cut := 0
	for _, c := range conns {
		if r.cut(c) {
			cut++
		}
	}
	return cut
}

// cut resets c; it reports false for one that was closed already.
func (r *Receiver) cut(c net.Conn) bool {
	r.mu.Lock()
	id, ok := r.conns[c]
	delete(r.conns, c)
	r.mu.Unlock()
	if !ok {
		return false
	}
	r.log(eventlog.Event{Kind: KindConnectionCut, Who: id})
	if tcp, ok := c.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0) // a reset instead of an orderly end; if it fails, that
	}
	_ = c.Close()
	return true
}

// wasCut reports whether c is a connection that the receiver has reset.
func (r *Receiver) wasCut(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, open := r.conns[c]
	return c != nil && !open
}

// connState keeps the list of connections.
func (r *Receiver) connState(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		r.mu.Lock()
		r.opened++
		id := "conn-" + strconv.Itoa(r.opened)
		r.conns[c] = id
		r.mu.Unlock()
		r.log(eventlog.Event{Kind: KindConnectionOpened, Who: id})
	case http.StateClosed, http.StateHijacked:
		r.mu.Lock()
		delete(r.conns, c)
		r.mu.Unlock()
	}
}

// connOf returns the connection of req and its id. On a server that is not the receiver's own the connection is nil and
// the id the client's address.
func (r *Receiver) connOf(req *http.Request) (c net.Conn, id string) {
	c, _ = req.Context().Value(connKey{}).(net.Conn)
	r.mu.Lock()
	defer r.mu.Unlock()
	if id, ok := r.conns[c]; ok {
		return c, id
	}
	return c, req.RemoteAddr
}
