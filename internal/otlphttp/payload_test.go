package otlphttp

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// gatedConn lets the first write through, holds the others until gate is closed, and then pretends that they succeed.
type gatedConn struct {
	net.Conn
	gate    chan struct{}
	written []byte // owned by the goroutine that writes
}

func (c *gatedConn) Write(b []byte) (int, error) {
	first := c.written == nil
	c.written = append(c.written, b...)
	if first {
		return c.Conn.Write(b)
	}
	<-c.gate
	return len(b), nil
}

// net/http may still be sending the body after it has returned an early response. The caller of Send may use the body's
// memory again nevertheless.
func TestBodyIsNotReadAfterSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &gatedConn{gate: make(chan struct{})}
		var network lambdatest.Network
		b := newBackend(t, config{Dial: func(ctx context.Context, n, addr string) (net.Conn, error) {
			var err error
			conn.Conn, err = network.DialContext(ctx, n, addr)
			return conn, err
		}}, nil)
		refuse := respond(413, contentType, nil) // without reading the body
		b.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Millisecond) // until the client is at its body
			refuse(w, r)
		})
		b.listen(&network)
		body := bytes.Repeat([]byte("a"), 1<<20)
		if _, err := b.sender.Send(t.Context(), body); !strings.Contains(errorText(err), "413") {
			t.Fatalf("Send: %v", err)
		}
		for i := range body {
			body[i] = '!'
		}
		close(conn.gate)
		synctest.Wait()
		if !bytes.Contains(conn.written, []byte("aaa")) || bytes.Contains(conn.written, []byte("!")) {
			t.Errorf("%d bytes written, some of them changed after Send", len(conn.written))
		}
		time.Sleep(time.Second) // net/http's server leaves a connection whose request it has not read half a second
	})
}

// countedConn counts writes.
type countedConn struct {
	net.Conn
	writes *atomic.Int32
}

func (c countedConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// A request of few spans costs one system call and, on the wire, one packet.
func TestSmallRequestIsOneWrite(t *testing.T) {
	var network lambdatest.Network
	var writes atomic.Int32
	b := newBackend(t, config{Dial: func(ctx context.Context, n, addr string) (net.Conn, error) {
		conn, err := network.DialContext(ctx, n, addr)
		return countedConn{conn, &writes}, err
	}}, respond(200, contentType, nil))
	b.listen(&network)
	for i := range int32(3) {
		if _, err := b.sender.Send(t.Context(), make([]byte, 700)); err != nil {
			t.Fatal(err)
		}
		if n := writes.Load(); n != i+1 {
			t.Errorf("%d writes for %d requests", n, i+1)
		}
	}
}
