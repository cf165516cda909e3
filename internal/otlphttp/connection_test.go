package otlphttp

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// The collector closes its connections while the function is frozen, with a reset or in order. The next Send must not
// fail, also with a body larger than the sockets' buffers, so that the write fails. (otlptracehttp 1.47 delivers 56 of
// 60 in this test.)
func TestStaleConnectionIsReplaced(t *testing.T) {
	for name, test := range map[string]struct{ linger, size int }{
		"reset": {0, 1 << 20}, "closed": {-1, 1 << 20}, "reset, small": {0, 10}, "closed, small": {-1, 10},
	} {
		t.Run(name, func(t *testing.T) {
			var arrived atomic.Int64
			var last atomic.Pointer[net.TCPConn]
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if n, _ := io.Copy(io.Discard, r.Body); n == r.ContentLength {
					arrived.Add(1)
				}
			}))
			server.Config.ConnState = func(c net.Conn, state http.ConnState) {
				if state == http.StateNew {
					last.Store(c.(*net.TCPConn))
				}
			}
			server.Start()
			defer server.Close()
			sender := newSender(config{Endpoint: parse(t, server.URL)})
			defer func() { _ = sender.Close() }()
			body := make([]byte, test.size)
			const rounds = 30
			for i := range rounds {
				if res, err := sender.Send(t.Context(), body); err != nil {
					t.Fatalf("round %d: %+v, %v", i, res, err)
				}
				_ = last.Load().SetLinger(test.linger)
				_ = last.Load().Close()
			}
			if n := arrived.Load(); n != rounds {
				t.Errorf("%d requests arrived, want %d", n, rounds)
			}
		})
	}
}

// lostConn is a connection whose peer has vanished: reads wait, and the second write fails, after the peer's host has
// answered the first one with a reset.
type lostConn struct {
	net.Conn
	lost   *atomic.Bool
	writes atomic.Int64 // since it was lost
}

func (c *lostConn) Write(b []byte) (int, error) {
	if c.lost.Load() && c.writes.Add(1) > 1 {
		return 0, syscall.ECONNRESET
	}
	return c.Conn.Write(b)
}

// A freeze breaks all kept connections at once. The replacement must not be another one of them.
func TestLostConnectionsAreNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network lambdatest.Network
		var lost *atomic.Bool
		b := newBackend(t, config{
			Endpoint: parse(t, "http://collector.test:4318/"),
			Dial: func(ctx context.Context, n, addr string) (net.Conn, error) {
				c, err := network.DialContext(ctx, n, addr)
				return &lostConn{Conn: c, lost: lost}, err
			},
		}, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })
		b.listen(&network)
		for range 3 {
			lost = new(atomic.Bool)
			b.sendAll(maxIdleConns, strings.Repeat("x", 64<<10))
			lost.Store(true)
		}
	})
}

// A request whose answer is lost may have been taken by the backend. Without a connection, with a part of the body
// unwritten, and after a response, it has certainly not been taken, or its outcome is known. Send repeats it once, and
// only if a kept connection breaks: one that breaks on its first use is the server's fault.
func TestAnswersLost(t *testing.T) {
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	accept := func(http.ResponseWriter, *http.Request) {}
	for name, c := range map[string]struct {
		url    string
		handle []http.HandlerFunc // of the requests; if there are several, the first one only makes a connection
		size   int
		lost   int
		ok     bool
	}{
		"connection refused":              {url: "http://absent.test:4318/", size: 10},
		"TLS to a server without":         {url: "https://collector.test:4318/", size: 10},
		"accepted":                        {size: 10, ok: true},
		"503":                             {handle: []http.HandlerFunc{respond(503, "", nil)}, size: 10},
		"no answer in time":               {handle: []http.HandlerFunc{hang}, size: 10, lost: 1},
		"no answer to a large request":    {handle: []http.HandlerFunc{hang}, size: 1 << 20, lost: 1},
		"connection closed":               {handle: []http.HandlerFunc{abort}, size: 10, lost: 1},
		"kept connection closed":          {handle: []http.HandlerFunc{accept, abort, accept}, size: 10, lost: 1, ok: true},
		"kept connection closed, 503":     {handle: []http.HandlerFunc{accept, abort, respond(503, "", nil)}, size: 10, lost: 1},
		"kept and next one closed":        {handle: []http.HandlerFunc{accept, abort, abort}, size: 10, lost: 2},
		"server that reads only a part":   {url: "http://deaf.test:4318/", size: 1 << 20},
		"server that reads and is silent": {url: "http://deaf.test:4318/", size: 10, lost: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := new(lambdatest.Network)
				deaf, err := network.Listen("deaf.test:4318")
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = deaf.Close() }()
				var requests atomic.Int64
				b := newBackend(t, config{
					Endpoint: parse(t, cmp.Or(c.url, "http://collector.test:4318/")), Timeout: time.Second, Dial: network.DialContext,
				}, func(w http.ResponseWriter, r *http.Request) {
					if n := int(requests.Add(1)); n <= len(c.handle) {
						c.handle[n-1](w, r)
					}
				})
				b.listen(network)
				if len(c.handle) > 1 {
					b.mustSend("spans")
				}
				res, err := b.sender.Send(t.Context(), make([]byte, c.size))
				if res.AnswersLost != c.lost || (err == nil) != c.ok || !c.ok && res.Outcome != delivery.Retryable {
					t.Errorf("%d answers lost, want %d: %+v, %v", res.AnswersLost, c.lost, res, err)
				}
				if n := int(requests.Load()); n > max(len(c.handle), 1) {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestLongIdleConnectionIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t, config{}, nil)
		for i, idle := range []time.Duration{0, maxIdle - time.Second, maxIdle + time.Second, time.Hour} {
			time.Sleep(idle)
			b.mustSend("spans")
			if n, want := len(b.connections()), max(1, i); n != want {
				t.Errorf("after %v idle: %d connections, want %d", idle, n, want)
			}
		}
	})
}

func TestUnreachable(t *testing.T) {
	b := newBackend(t, config{Endpoint: parse(t, "http://user:pass@absent.test:4318/v1/traces?key=secret")}, nil)
	res, err := b.sender.Send(t.Context(), []byte("spans"))
	if res.Outcome != delivery.Retryable || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %+v, %v", res, err)
	}
	text := errorText(err)
	if !strings.HasPrefix(text, "send to http://absent.test:4318/v1/traces: ") || strings.Contains(text, "pass") || strings.Contains(text, "secret") {
		t.Errorf("error %q", text)
	}
}

func TestSendAfterClose(t *testing.T) {
	b := newBackend(t, config{}, nil)
	for range 2 {
		b.mustSend("spans")
		if err := b.sender.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := len(b.connections()); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}
